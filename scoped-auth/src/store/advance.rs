//! Batched advance of sessions in PostgreSQL. Concurrent requests share one statement and one commit: the round trip
//! dominates the cost.

use std::{cmp::Reverse, collections::HashMap};

use shared_types::Fingerprint;
use store::{BatchExecutor, DatabaseError, Idempotency, PostgresPool};

use super::{Advance, AdvanceOutcome, CurrentToken, StoreError, date, generation};

/// Advances all sessions of a batch.
#[derive(Debug)]
pub(super) struct Advances {
    pool: PostgresPool,
}

/// A row of [`LOOK`].
type Row = (String, i64, i64, i64, Option<String>, Option<String>, i64);

// On a conflict PostgreSQL compares with the row as committed by a concurrent writer: among any number of callers on any
// number of replicas, exactly one advances from a generation.
const ADVANCE: &str = "INSERT INTO sessions (session_id, generation, replaced, advanced_at, expires_at, ends_at, fingerprint, \
     first_fingerprint, repeats, shown) \
     SELECT session_id, generation, 0, advanced_at, expires_at, ends_at, fingerprint, first_fingerprint, 0, 0 \
     FROM UNNEST($1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[]) AS asked \
     (session_id, generation, advanced_at, expires_at, ends_at, fingerprint, first_fingerprint) \
     ON CONFLICT (session_id) DO UPDATE SET generation = excluded.generation, replaced = sessions.generation, \
     advanced_at = excluded.advanced_at, expires_at = excluded.expires_at, ends_at = excluded.ends_at, \
     fingerprint = excluded.fingerprint, first_fingerprint = excluded.first_fingerprint, \
     repeats = 0, shown = 0 \
     WHERE sessions.generation < excluded.generation RETURNING session_id, replaced";

const LOOK: &str = "SELECT session_id, generation, advanced_at, expires_at, fingerprint, first_fingerprint, shown \
     FROM sessions WHERE session_id = ANY($1)";

impl Advances {
    pub(super) fn new(pool: PostgresPool) -> Self {
        Self { pool }
    }

    /// Advances sessions, each at most once, sorted by id: batches of several replicas that share several rows then cannot
    /// deadlock. Returns for each the generation that it replaced, or `None` if it did not advance.
    async fn advance(&self, requests: &[(String, &Advance)]) -> Result<Vec<Option<i64>>, DatabaseError> {
        let text = |fingerprint: &Option<Fingerprint>| fingerprint.clone().map(String::from);
        let number =
            |of: fn(&Advance) -> i64| requests.iter().map(|(_, advance)| of(advance)).collect::<Vec<_>>();
        let advance = || {
            sqlx::query_as(ADVANCE)
                .bind(requests.iter().map(|(session, _)| session.as_str()).collect::<Vec<_>>())
                .bind(number(|advance| i64::from(advance.generation) + 1))
                .bind(number(|advance| advance.now.timestamp_millis()))
                .bind(number(|advance| advance.expires_at.timestamp_millis()))
                .bind(number(|advance| advance.ends_at.timestamp_millis()))
                .bind(requests.iter().map(|(_, advance)| text(&advance.fingerprint)).collect::<Vec<_>>())
                .bind(
                    requests.iter().map(|(_, advance)| text(&advance.first_fingerprint)).collect::<Vec<_>>(),
                )
        };
        // A repeated advance would find its own generation taken, as if the token had been refreshed before.
        let rows: Vec<(String, i64)> = self.pool.fetch_all(Idempotency::AtMostOnce, advance).await?;
        let mut replaced = vec![None; requests.len()];
        for (session, generation) in rows {
            let index = requests.binary_search_by(|(request, _)| request.cmp(&session));
            if let Some(replaced) = index.ok().and_then(|index| replaced.get_mut(index)) {
                *replaced = Some(generation);
            }
        }
        Ok(replaced)
    }

    /// The current tokens of some sessions.
    async fn look(&self, sessions: &[&str]) -> Result<HashMap<String, Row>, DatabaseError> {
        if sessions.is_empty() {
            return Ok(HashMap::new());
        }
        let look = || sqlx::query_as(LOOK).bind(sessions);
        let rows: Vec<Row> = self.pool.fetch_all(Idempotency::Idempotent, look).await?;
        Ok(rows.into_iter().map(|row| (row.0.clone(), row)).collect())
    }
}

impl BatchExecutor for Advances {
    type Request = Advance;
    type Answer = Result<AdvanceOutcome, StoreError>;

    async fn run(&self, requests: &[Advance]) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        // A statement may contain a session once. Of its requests the one with the highest generation is tried: if it
        // advances the session, no other could.
        let mut indexed: Vec<_> = requests.iter().enumerate().collect();
        indexed.sort_by_key(|(_, request)| (request.session, Reverse(request.generation)));
        let by_session: Vec<_> = indexed.chunk_by(|(_, a), (_, b)| a.session == b.session).collect();
        let tried: Vec<_> = by_session
            .iter()
            .filter_map(|requests| requests.first())
            .map(|(_, request)| (request.session.to_string(), *request))
            .collect();
        let replaced = self.advance(&tried).await?;
        let others = tried.iter().zip(&replaced).filter(|(_, replaced)| replaced.is_none());
        let seen = self.look(&others.map(|((session, _), _)| session.as_str()).collect::<Vec<_>>()).await?;

        let mut answers: Vec<_> = requests.iter().map(|_| None).collect();
        for ((requests, (session, tried)), replaced) in by_session.iter().zip(&tried).zip(replaced) {
            let current = || match replaced {
                Some(_) => Ok(tried.next()),
                // No row: the session ended and was purged meanwhile.
                None => seen
                    .get(session)
                    .ok_or(StoreError::from(DatabaseError::from(sqlx::Error::RowNotFound)))
                    .and_then(current_token),
            };
            for (n, (index, request)) in requests.iter().enumerate() {
                let answer = match (n, replaced) {
                    (0, Some(replaced)) => {
                        Some(generation(replaced).map(|replaced| AdvanceOutcome::Advanced { replaced }))
                    }
                    (_, _) => match current() {
                        // It was not tried and would advance the session: retry it with the next batch.
                        Ok(current) if n > 0 && current.generation <= request.generation => None,
                        current => Some(current.map(AdvanceOutcome::Current)),
                    },
                };
                if let Some(slot) = answers.get_mut(*index) {
                    *slot = answer;
                }
            }
        }
        Ok(answers)
    }
}

fn current_token(row: &Row) -> Result<CurrentToken, StoreError> {
    let (_, number, advanced_at, expires_at, last, first, shown) = row;
    let fingerprint = |text: &Option<String>| {
        let Some(text) = text else { return Ok(None) };
        Fingerprint::new(text.clone()).map(Some).ok_or(StoreError::Malformed("fingerprint"))
    };
    Ok(CurrentToken {
        generation: generation(*number)?,
        advanced_at: date(*advanced_at)?,
        expires_at: date(*expires_at)?,
        fingerprint: fingerprint(last)?,
        first_fingerprint: fingerprint(first)?,
        shown: *shown != 0,
    })
}
