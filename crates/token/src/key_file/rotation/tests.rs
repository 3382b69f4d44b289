//! Key rotation: what each command does, until when it fails, and what `--now` does.

use ring::rand::SystemRandom;

use super::*;
use crate::key_file::KeyInfo;

/// enc-1 active, enc-2 next, enc-3 retired; sig-1 active, sig-2 next.
const KEYS: &str = crate::vectors::KEYS;
const DAY: Duration = Duration::from_secs(86_400);

fn file() -> KeyFile {
    KeyFile::parse(KEYS.as_bytes()).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 500_000_000).unwrap()
}

fn info<'a>(file: &'a KeyFile, kid: &str) -> Option<&'a KeyInfo> {
    file.key_infos().find(|info| info.kid == kid)
}

fn statuses(file: &KeyFile) -> Vec<(&str, Status)> {
    file.key_infos().map(|info| (info.kid.as_str(), info.status)).collect()
}

fn set_made_at(file: &mut KeyFile, kid: &str, time: DateTime<Utc>) {
    file.keys.iter_mut().find(|key| key.info.kid == kid).unwrap().info.made_at = Some(time);
}

#[test]
fn a_generated_key_is_next() {
    let mut file = file();
    for usage in [Use::Encryption, Use::Signing] {
        let kid = file.generate(usage, &SystemRandom::new(), at(0)).unwrap();
        let info = info(&file, &kid).unwrap();
        assert_eq!((info.usage, info.status), (usage, Status::Next));
        assert_eq!((info.made_at, info.opens_until), (Some(at(0).trunc_subsecs(0)), None));
    }
    assert_eq!(file.key_infos().count(), 7);
}

#[test]
fn an_activated_key_takes_the_place_of_the_one_of_its_use() {
    let mut file = file();
    let opens_until = at(86_400 + 10 + 5).trunc_subsecs(0);
    assert_eq!(
        file.activate("enc-2", at(0), DAY, Force::WhenSafe),
        Ok(Activation::Replaced { retired: "enc-1".into(), opens_until })
    );
    let expected = [
        ("enc-1", Status::Retired),
        ("enc-2", Status::Active),
        ("enc-3", Status::Retired),
        ("sig-1", Status::Active),
        ("sig-2", Status::Next),
    ];
    assert_eq!(statuses(&file), expected);
    assert_eq!(info(&file, "enc-1").unwrap().opens_until, Some(opens_until));
    assert_eq!(info(&file, "enc-3").unwrap().opens_until, None, "it is not touched");
    assert_eq!(file.activate("enc-2", at(0), DAY, Force::WhenSafe), Ok(Activation::AlreadyActive));
    assert_eq!(
        file.activate("enc-9", at(0), DAY, Force::Now),
        Err(RotationError::UnknownKey("enc-9".into()))
    );
}

#[test]
fn a_retired_key_comes_back_while_it_opens() {
    let mut file = file();
    file.activate("enc-2", at(0), DAY, Force::WhenSafe).unwrap();
    file.activate("enc-1", at(1), DAY, Force::WhenSafe).unwrap();
    assert_eq!(info(&file, "enc-1").unwrap().opens_until, None);
    assert_eq!(info(&file, "enc-2").unwrap().opens_until, Some(at(86_400 + 16).trunc_subsecs(0)));
    for force in [Force::WhenSafe, Force::Now] {
        let refused = file.activate("enc-2", at(86_400 + 16), DAY, force);
        assert_eq!(refused, Err(RotationError::Expired("enc-2".into())));
    }
    assert!(file.activate("enc-2", at(86_400 + 15), DAY, Force::WhenSafe).is_ok());
}

#[test]
fn a_key_is_known_before_it_makes_tokens() {
    let mut file = file();
    let kid = file.generate(Use::Encryption, &SystemRandom::new(), at(0)).unwrap();
    for seconds in [-100, 0, 9] {
        let refused = file.activate(&kid, at(seconds), DAY, Force::WhenSafe).unwrap_err().to_string();
        let sentence =
            format!("`{kid}` is not known to every replica before 2027-01-15T08:00:10Z; wait, or give --now");
        assert_eq!(refused, sentence);
    }
    assert_eq!(info(&file, "enc-1").unwrap().status, Status::Active);
    assert!(file.activate(&kid, at(10), DAY, Force::WhenSafe).is_ok());
    let other = file.generate(Use::Encryption, &SystemRandom::new(), at(11)).unwrap();
    assert!(file.activate(&other, at(11), DAY, Force::Now).is_ok());
}

#[test]
fn a_signing_key_is_published_for_15_minutes_before_it_signs() {
    let mut file = file();
    let kid = file.generate(Use::Signing, &SystemRandom::new(), at(0)).unwrap();
    for seconds in [0, 10, 899] {
        let refused = file.activate(&kid, at(seconds), DAY, Force::WhenSafe).unwrap_err().to_string();
        let sentence = format!(
            "`{kid}` has not been published for 15 minutes before 2027-01-15T08:15:00Z; wait, or give --now: verifiers \
             with cached keys reject assertions for up to 15 minutes"
        );
        assert_eq!(refused, sentence);
    }
    assert_eq!(info(&file, "sig-1").unwrap().status, Status::Active);
    assert!(file.activate(&kid, at(900), DAY, Force::WhenSafe).is_ok());
    let other = file.generate(Use::Signing, &SystemRandom::new(), at(901)).unwrap();
    assert!(file.activate(&other, at(901), DAY, Force::Now).is_ok());
}

#[test]
fn a_signing_key_is_published_for_15_minutes_after_it_signed() {
    let minute = Duration::from_secs(60);
    let retired_until = |kid: &str, session_max| {
        let mut file = file();
        match file.activate(kid, at(0), session_max, Force::WhenSafe) {
            Ok(Activation::Replaced { opens_until, .. }) => opens_until,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(retired_until("sig-2", minute), at(900 + 10 + 5).trunc_subsecs(0));
    assert_eq!(retired_until("sig-2", DAY), at(86_400 + 10 + 5).trunc_subsecs(0));
    assert_eq!(retired_until("enc-2", minute), at(60 + 10 + 5).trunc_subsecs(0));
}

#[test]
fn a_key_that_tokens_need_is_not_removed_without_force() {
    let mut file = file();
    let rng = SystemRandom::new();
    file.activate("enc-2", at(0), DAY, Force::WhenSafe).unwrap();
    let before: Vec<_> = file.key_infos().cloned().collect();
    for (kid, sentence) in [
        ("enc-1", "`enc-1` opens tokens until 2027-01-16T08:00:15Z; wait, or give --now to end them at once"),
        ("enc-2", "`enc-2` is active; activate another key first, or give --now to end its tokens at once"),
        ("enc-3", "`enc-3` has no `opens_until`; give --now to end its tokens at once, if it has any left"),
        ("enc-9", "there is no key `enc-9` in the file"),
    ] {
        let refused = file.retire(kid, at(86_400 + 14), Force::WhenSafe, &rng).unwrap_err();
        assert_eq!(refused.to_string(), sentence);
    }
    assert_eq!(file.key_infos().cloned().collect::<Vec<_>>(), before);
    for kid in ["enc-1", "sig-2"] {
        assert_eq!(file.retire(kid, at(86_400 + 15), Force::WhenSafe, &rng), Ok(Removal::Removed));
        assert_eq!(info(&file, kid), None);
    }
}

#[test]
fn force_removes_any_key_and_the_newest_next_key_becomes_active() {
    let mut file = file();
    let rng = SystemRandom::new();
    assert_eq!(file.retire("enc-3", at(0), Force::Now, &rng), Ok(Removal::Removed));
    let newest = file.generate(Use::Encryption, &rng, at(20)).unwrap();
    let newer = file.generate(Use::Encryption, &rng, at(10)).unwrap();
    set_made_at(&mut file, "enc-2", at(5));
    assert_eq!(file.retire("enc-1", at(30), Force::Now, &rng), Ok(Removal::ReplacedBy(newest.clone())));
    assert_eq!(file.retire(&newest, at(30), Force::Now, &rng), Ok(Removal::ReplacedBy(newer.clone())));
    let left = [
        ("enc-2", Status::Next),
        ("sig-1", Status::Active),
        ("sig-2", Status::Next),
        (&newer, Status::Active),
    ];
    assert_eq!(statuses(&file), left);
}

#[test]
fn without_a_next_key_a_generated_one_becomes_active() {
    let mut file = file();
    let rng = SystemRandom::new();
    for first in ["enc-2", "enc-1", "sig-2", "sig-1"] {
        file.retire(first, at(0), Force::Now, &rng).unwrap();
    }
    let fresh: Vec<_> = file.key_infos().filter(|info| info.made_at.is_some()).collect();
    assert!(fresh.iter().all(|info| info.status == Status::Active));
    assert_eq!(fresh.iter().map(|info| info.usage).collect::<Vec<_>>(), [Use::Encryption, Use::Signing]);
    assert!(KeyFile::parse(&file.write().unwrap()).is_ok());
}

#[test]
fn the_audit_key_outlives_the_key_that_it_is_derived_from() {
    let mut file = file();
    let rng = SystemRandom::new();
    set_made_at(&mut file, "enc-1", at(0));
    set_made_at(&mut file, "enc-3", at(-1));
    let derived = file.audit_key().unwrap();
    file.retire("enc-1", at(9), Force::Now, &rng).unwrap();
    assert_eq!(file.audit_key().unwrap(), derived, "it is that of the oldest key, enc-2, which says no time");
    file.persist_audit_key(&rng, at(9)).unwrap();
    file.retire("enc-2", at(9), Force::Now, &rng).unwrap();
    assert_eq!(file.audit_key().unwrap(), derived);
    file.persist_audit_key(&rng, at(9)).unwrap();
    assert_eq!(file.of(Use::Audit).count(), 1);
}

#[test]
fn the_audit_key_is_replaced_by_force_only() {
    let mut file = file();
    let rng = SystemRandom::new();
    file.persist_audit_key(&rng, at(0)).unwrap();
    let (kid, old) = (file.of(Use::Audit).next().unwrap().info.kid.clone(), file.audit_key().unwrap());
    assert_eq!(file.retire(&kid, at(9), Force::WhenSafe, &rng), Err(RotationError::AuditKey(kid.clone())));
    assert!(
        matches!(file.retire(&kid, at(9), Force::Now, &rng), Ok(Removal::ReplacedBy(other)) if other != kid)
    );
    assert_ne!(file.audit_key().unwrap(), old);
}
