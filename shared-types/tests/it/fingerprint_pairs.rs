//! `user-agents.tsv` and `faces-and-apps.tsv`: one browser before and after an ordinary change, or two browsers, judged at
//! every level with and without a proof by the session's key.

use shared_types::fingerprint::{Sensitivity, evidence};

use crate::fingerprint_support::{Guest, judge, judge_with_key};
use Sensitivity::{High, Low, Medium};

const PAIRS: &str = include_str!("../user-agents.tsv");
const MORE_PAIRS: &str = include_str!("../faces-and-apps.tsv");

/// Pairs that `high` refuses although it is one browser, with the reason.
const REFUSED_BY_HIGH: [(&str, &str); 6] = [
    ("Firefox 128esr->140esr", "12 versions at once"),
    ("iPad Safari full->slide over (desktop->mobile UA)", "another face"),
    ("iPad Safari mobile->desktop", "another face"),
    ("Android Chrome mobile->desktop site", "another face"),
    ("Android tablet Chrome desktop->mobile", "another face"),
    ("Brave new tab mobile, reload desktop", "another face"),
];

struct Pair {
    is_same: bool,
    what: &'static str,
    before: Guest,
    after: Guest,
}

fn pairs(text: &'static str) -> Vec<Pair> {
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let pair = |row: &'static str| {
        let fields: Vec<&str> = row.split('\t').collect();
        let [relation, what, before, after, hints @ ..] = fields.as_slice() else { panic!("{row}") };
        let guest = |agent: &str, place: usize| {
            let header = |guest: Guest, name, at: usize| match hints.get(at).copied().unwrap_or_default() {
                "" => guest,
                value => guest.sends(name, value),
            };
            let guest = Guest::with_safari().sends(evidence::USER_AGENT, agent);
            let guest = header(guest, evidence::SEC_CH_UA_MOBILE, place);
            let guest = header(guest, evidence::SEC_CH_UA_PLATFORM, 2 + place);
            header(guest, evidence::SEC_CH_UA, 4 + place)
        };
        Pair { is_same: *relation == "same", what, before: guest(before, 0), after: guest(after, 1) }
    };
    rows.map(pair).collect()
}

#[test]
fn one_browser_is_accepted_and_another_is_not() {
    let (pairs, more) = (pairs(PAIRS), pairs(MORE_PAIRS));
    assert_eq!((pairs.len(), more.len()), (57, 12));
    for Pair { is_same, what, before, after } in pairs.into_iter().chain(more) {
        for level in Sensitivity::ALL {
            let (sealed, presented) = (before.fingerprint(level), after.fingerprint(level));
            let refused = what.starts_with("face: ") || REFUSED_BY_HIGH.iter().any(|(name, _)| *name == what);
            let expected = match (is_same, level) {
                (true, Low | Medium) => true,
                (true, High) => !refused,
                // Other names cost 6 points at `low`, but these have another system too, or none.
                (false, Low) => !(what.contains("ChatGPT-User") || what.contains("Edge on Linux")),
                (false, Medium | High) => false,
            };
            assert_eq!(judge(&sealed, &presented).accepted, expected, "{what}, {}", level.name());
            // A key forgives names and faces, but no leap of the version and no missing system.
            let with_key = !(what.contains("ChatGPT-User") || (level == High && what.contains("esr")));
            assert_eq!(
                judge_with_key(&sealed, &presented).accepted,
                with_key,
                "{what}, {}, key",
                level.name()
            );
        }
    }
}
