//! The judges: the fingerprint at its three levels, and two common simple comparisons as baselines. The only module
//! that makes and compares fingerprints.

use shared_types::{
    AccountSid, DeploymentKey, Fingerprint,
    fingerprint::{
        AccountKeys, BoundFingerprint, Evidence, Faces, FingerprintKey, FingerprintKeys, Mode, Sensitivity,
        Signals, generate, judge,
    },
};

use crate::visitor::Visitor;

/// The column names of the tables, in order.
pub const JUDGES: [&str; 5] = ["low", "medium", "high", "exact User-Agent", "all headers"];

/// One value for each of [`JUDGES`].
pub(crate) type Answers = [bool; JUDGES.len()];

/// A visitor's family, system with its faces, and mobile flag, as the fingerprint reads them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) family: String,
    pub(crate) operating_system: String,
    pub(crate) faces: u8,
    pub(crate) mobile: bool,
}

/// The account of all visitors.
pub(crate) struct Judges {
    account: AccountKeys,
}

/// A visitor as each judge sees it, when a token is made and when one is presented.
pub(crate) struct View {
    fingerprint: Fingerprint,
    user_agent: String,
    headers: String,
}

impl Judges {
    pub(crate) fn new() -> Option<Self> {
        let key = FingerprintKey::new(b"of the evaluation, and of no account".to_vec()).ok()?;
        let keys = FingerprintKeys::new(vec![key]).ok()?;
        Some(Self { account: keys.account(AccountSid::from_bits(1)) })
    }

    /// `None` if there is no fingerprint, which does not happen with these visitors.
    pub(crate) fn view(&self, visitor: &Visitor) -> Option<View> {
        self.view_at_level(visitor, Sensitivity::Medium)
    }

    fn view_at_level(&self, visitor: &Visitor, level: Sensitivity) -> Option<View> {
        let sent = visitor.sent();
        let fingerprint = generate(&self.account, &signals(visitor, &sent)?, level, Mode::Enforce);
        let headers = sent.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        Some(View { fingerprint, user_agent: visitor.headers.user_agent.clone(), headers })
    }
}

/// Whether each judge takes the presenter of a token for its owner.
pub(crate) fn accept(sealed: &View, presented: &View) -> Answers {
    let verdict = judge(
        BoundFingerprint { sealed: &sealed.fingerprint, first: None, key_is_proved: false },
        &presented.fingerprint,
    );
    let strictest = verdict.strictest.and_then(place);
    let [low, medium, high] = Sensitivity::ALL.map(|level| place(level) <= strictest);
    [low, medium, high, sealed.user_agent == presented.user_agent, sealed.headers == presented.headers]
}

/// The rank of a level, from tolerant to strict: what one accepts, those before it accept too.
fn place(level: Sensitivity) -> Option<usize> {
    Sensitivity::ALL.into_iter().position(|known| known == level)
}

impl Kind {
    /// Whether the other is a face of this browser.
    pub(crate) fn is_face_of(&self, other: &Self) -> bool {
        self.family == other.family && self.faces == other.faces && self.faces != 0 && self != other
    }
}

pub(crate) fn kind(visitor: &Visitor) -> Option<Kind> {
    let sent = visitor.sent();
    let signals = signals(visitor, &sent)?;
    Some(Kind {
        family: signals.family.clone().into_owned(),
        operating_system: signals.operating_system.unwrap_or_default().to_owned(),
        faces: match signals.faces {
            Faces::One => 0,
            Faces::Android => 1,
            Faces::Apple => 2,
        },
        mobile: signals.mobile,
    })
}

fn signals<'a>(visitor: &Visitor, sent: &'a [(&'static str, String)]) -> Option<Signals<'a>> {
    let header =
        |name: &str| sent.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    Signals::read(&Evidence::from_headers(header, Some(visitor.address), DeploymentKey::from_bits(1))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crowd::Crowd, draws::Draws, population::Population};

    #[test]
    fn judging_at_a_level_equals_presenting_at_that_level() {
        let judges = Judges::new().unwrap();
        let population = Population::committed().unwrap().visitors;
        let mut draws = Draws::of("levels");
        let crowd = Crowd::of(&population, &judges, &mut draws);
        let mut seen = [false; 4];
        for one in crowd.visitors.iter().step_by(20) {
            // Another visitor with the same browser and loginTimestamp, so that all levels are compared.
            let mut other = crowd.one(&mut draws, |kind| *kind == one.kind).unwrap();
            other.login_timestamp = one.visitor.login_timestamp;
            let answers = accept(&one.sealed, &judges.view(&other).unwrap());
            for (level, answer) in Sensitivity::ALL.into_iter().zip(answers) {
                let presented = judges.view_at_level(&other, level).unwrap();
                let bound =
                    BoundFingerprint { sealed: &one.sealed.fingerprint, first: None, key_is_proved: false };
                assert_eq!(judge(bound, &presented.fingerprint).accepted, answer);
            }
            seen[answers[..3].iter().filter(|accepted| **accepted).count()] = true;
        }
        assert_eq!(seen, [true; 4]);
    }
}
