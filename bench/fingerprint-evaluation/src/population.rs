//! The visitors' headers: the sample in `population/`, whose README describes its origin.

const SAMPLE: &str = include_str!("../population/population.tsv");

/// The headers that a browser sends by itself, the same on every page of a site. `None` if a header is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderSet {
    pub(crate) user_agent: String,
    pub(crate) sec_ch_ua: Option<String>,
    pub(crate) sec_ch_ua_mobile: Option<String>,
    pub(crate) sec_ch_ua_platform: Option<String>,
    pub(crate) accept_encoding: Option<String>,
}

/// The sample, and statistics of the population that it was drawn from.
#[derive(Debug)]
pub(crate) struct Population {
    /// One per visitor: a set that several visitors share is repeated.
    pub(crate) visitors: Vec<HeaderSet>,
    pub(crate) distinct: usize,
    /// The exact probability that two visitors have the same User-Agent.
    pub(crate) same_user_agent: f64,
    /// The exact probability that two visitors have the same header set.
    pub(crate) same_headers: f64,
}

impl Population {
    /// The committed sample; the error is the line that cannot be parsed.
    pub(crate) fn committed() -> Result<Self, &'static str> {
        Self::read(SAMPLE)
    }

    fn read(sample: &str) -> Result<Population, &str> {
        let fact = |name: &str| {
            let value = |line: &str| line.strip_prefix("# ")?.strip_prefix(name)?.trim().parse().ok();
            sample.lines().find_map(value).ok_or("a fact is missing")
        };
        let mut population = Population {
            visitors: Vec::new(),
            distinct: 0,
            same_user_agent: fact("same-user-agent")?,
            same_headers: fact("same-headers")?,
        };
        for line in sample.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let (count, set) = header_set(line).ok_or(line)?;
            population.visitors.extend(std::iter::repeat_n(set, count));
            population.distinct += 1;
        }
        Ok(population)
    }
}

fn header_set(line: &str) -> Option<(usize, HeaderSet)> {
    let mut fields = line.split('\t');
    let count = fields.next()?.parse().ok()?;
    let user_agent = fields.next()?.to_owned();
    let mut field = || fields.next().map(|text| (!text.is_empty()).then(|| text.to_owned()));
    let set = HeaderSet {
        user_agent,
        sec_ch_ua: field()?,
        sec_ch_ua_mobile: field()?,
        sec_ch_ua_platform: field()?,
        accept_encoding: field()?,
    };
    Some((count, set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_sample_is_read() {
        let population = Population::committed().unwrap();
        let said: usize =
            SAMPLE.lines().find_map(|line| line.strip_prefix("# visitors ")?.parse().ok()).unwrap();
        assert_eq!(population.visitors.len(), said);
        assert!(population.distinct > 100 && population.same_headers < population.same_user_agent);
        assert!(population.visitors.iter().any(|set| set.sec_ch_ua.is_none()));
    }

    #[test]
    fn a_short_line_is_an_error() {
        let sample = "# same-user-agent 0.2\n# same-headers 0.1\nhead\n1\tA\t\t\t\tgzip\n";
        assert_eq!(Population::read(sample).unwrap().visitors.len(), 1);
        assert!(Population::read(&sample.replace("\tgzip", "")).is_err());
        assert!(Population::read(&sample.replace("0.1", "")).is_err());
    }
}
