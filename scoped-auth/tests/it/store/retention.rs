//! Expired rows are purged in batches, and revocation ids continue.

use chrono::TimeDelta;
use scoped_auth::{
    revocations::RevocationTarget,
    sessions::{IdentityRefusal, Sessions},
    store::{Advance, AdvanceOutcome},
};
use shared_types::{AccountSid, Identity, scoped_auth::generate::EarlierSession};
use store::PURGE_BATCH_ROWS;
use token::claims::CLOCK_SKEW;

use crate::store::{Store, account, advance, current_token::RULES, end, now, session};

test_support::on_both_engines! {
    Store:
    only_ended_sessions_are_purged,
    a_longer_session_lifetime_postpones_the_purge,
    many_rows_are_purged_in_batches,
    two_replicas_purge_concurrently,
    revocations_are_kept_longer_than_their_tokens_live,
}

async fn only_ended_sessions_are_purged(store: Store) {
    let [store, other] = &store.replicas;
    store.advance(advance(session(1), 0, now())).await.unwrap();
    let longer = Advance { ends_at: end() + TimeDelta::seconds(1), ..advance(session(2), 0, now()) };
    store.advance(longer.clone()).await.unwrap();
    store.revoke(account(1), now(), end()).await.unwrap();
    let early = end() - TimeDelta::milliseconds(1);
    assert_eq!(store.purge(early, early).await.unwrap(), 0);
    assert_eq!(store.purge(end(), early).await.unwrap(), 1, "revocations have their own retention");
    assert_eq!(store.purge(end(), end()).await.unwrap(), 1);
    assert_eq!(store.purge(end(), end()).await.unwrap(), 0);
    let kept = AdvanceOutcome::Current(longer.next());
    assert_eq!(store.advance(advance(session(2), 0, now())).await.unwrap(), kept);
    // A follower that had read up to the first revocation continues from there.
    other.revoke(account(2), now(), end()).await.unwrap();
    let news = store.revocations(1, 10).await.unwrap();
    assert_eq!(news.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2]);
}

/// Otherwise a replaced token would find no row, be taken for the current one of a restored store, and become valid
/// again.
async fn a_longer_session_lifetime_postpones_the_purge(store: Store) {
    let [store, _] = &store.replicas;
    store.advance(advance(session(1), 0, now())).await.unwrap();
    let longer = Advance { ends_at: end() + TimeDelta::hours(1), ..advance(session(1), 1, now()) };
    store.advance(longer.clone()).await.unwrap();
    assert_eq!(store.purge(end(), end()).await.unwrap(), 0);
    let replaced = advance(session(1), 0, now());
    assert_eq!(store.advance(replaced).await.unwrap(), AdvanceOutcome::Current(longer.next()));
}

async fn many_rows_are_purged_in_batches(store: Store) {
    fill(&store).await;
    let at_once = u64::from(PURGE_BATCH_ROWS);
    assert_eq!(store.replicas[0].purge(end(), end()).await.unwrap(), at_once);
    assert_eq!(store.replicas[0].purge(end(), end()).await.unwrap(), at_once);
    assert_eq!(store.replicas[0].purge(end(), end()).await.unwrap(), 2500 - 2 * at_once);
    assert_eq!(store.replicas[0].purge(end(), end()).await.unwrap(), 0);
}

async fn two_replicas_purge_concurrently(store: Store) {
    fill(&store).await;
    let purge =
        async |replica: usize| while store.replicas[replica].purge(end(), end()).await.unwrap() > 0 {};
    tokio::join!(purge(0), purge(1));
    // Rows that one replica had locked while the other read them may be left to the next purge.
    purge(0).await;
    assert_eq!(store.count("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn revocations_are_kept_longer_than_their_tokens_live(store: Store) {
    let [here, there] = &store.replicas;
    let replica =
        async |store: &scoped_auth::store::Store, at| Sessions::open(store.clone(), RULES, at).await.unwrap();
    let (account, identity) = (AccountSid::from_bits(1), Identity::from_random([1; 16]));
    let earlier = EarlierSession { sid: session(1), auth_time: now() };
    let checked = async |sessions: &Sessions, at| {
        sessions.check_identity(account, None, identity, earlier, at).await.unwrap()
    };
    let sessions = replica(here, now()).await;
    let kept_until = now() + TimeDelta::from_std(RULES.revocation_retention).unwrap();
    assert_eq!(checked(&sessions, kept_until).await, Ok(()));
    sessions.revoke(RevocationTarget::Identity(account, identity), now()).await.unwrap();
    // The purge at a replica whose clock is ahead by the maximum skew.
    let ahead = kept_until + TimeDelta::from_std(CLOCK_SKEW).unwrap();
    assert_eq!(sessions.purge(ahead - TimeDelta::milliseconds(1)).await.unwrap(), 0);
    let last = kept_until - TimeDelta::milliseconds(1);
    for sessions in [&sessions, &replica(there, last).await] {
        assert_eq!(checked(sessions, last).await, Err(IdentityRefusal::Revoked));
        assert_eq!(
            checked(sessions, kept_until + TimeDelta::milliseconds(1)).await,
            Err(IdentityRefusal::TooOld)
        );
    }
    assert_eq!(sessions.purge(ahead).await.unwrap(), 1);
}

async fn fill(store: &Store) {
    let many = "INSERT INTO sessions (session_id, generation, replaced, advanced_at, expires_at, repeats, shown, ends_at) \
                WITH RECURSIVE n (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < 2500) \
                SELECT CAST(n AS TEXT), 1, 0, 0, 0, 0, 0, n FROM n";
    store.connection().await.execute(many).await;
}
