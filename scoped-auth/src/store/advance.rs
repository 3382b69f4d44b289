//! Sessions that move on in PostgreSQL, those of many callers in one statement and one commit: what costs is the way
//! there and back.

use std::{cmp::Reverse, collections::HashMap};

use chrono::{DateTime, Utc};
use service_runtime::database::{DatabaseError, RowsStatement, Together};
use shared_types::SessionId;
use sqlx::PgPool;

use super::{Moved, Newest, StoreError, date};

/// The wish to move a session from `generation` to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advance {
    pub(super) session: SessionId,
    pub(super) generation: u32,
    pub(super) now: DateTime<Utc>,
    pub(super) ends_at: DateTime<Utc>,
}

/// Moves all that are asked for at once.
#[derive(Debug)]
pub(super) struct Advances {
    pool: PgPool,
    moving: RowsStatement,
    looking: RowsStatement,
}

impl Advances {
    pub(super) fn new(pool: PgPool) -> Self {
        // The row of a conflict is judged as it is once whoever else wrote it has committed: of any number of callers on
        // any number of replicas, exactly one moves a session on. What only fills up has no generation.
        let moving = "WITH asked (session_id, generation, advanced_at, ends_at) AS (VALUES {rows}) \
                      INSERT INTO sessions (session_id, generation, advanced_at, ends_at) \
                      SELECT session_id, generation, advanced_at, ends_at FROM asked WHERE generation > 0 \
                      ON CONFLICT (session_id) DO UPDATE SET generation = excluded.generation, \
                      advanced_at = excluded.advanced_at WHERE sessions.generation = excluded.generation - 1 RETURNING session_id";
        let looking =
            "SELECT session_id, generation, advanced_at FROM sessions WHERE session_id IN (VALUES {rows})";
        Self { pool, moving: RowsStatement::new(moving, 4), looking: RowsStatement::new(looking, 1) }
    }

    /// Moves sessions on, each named once, in the order of their ids: replicas whose batches meet in several rows then
    /// wait for each other and never in a circle. Tells of each whether it moved.
    async fn move_on(&self, movers: &[(String, &Advance)]) -> Result<Vec<bool>, DatabaseError> {
        let (statement, room) = self.moving.of(movers.len());
        let mut query = sqlx::query_as(statement);
        for (session, advance) in movers {
            query = query
                .bind(session.as_str())
                .bind(i64::from(advance.generation) + 1)
                .bind(advance.now.timestamp_millis())
                .bind(advance.ends_at.timestamp_millis());
        }
        for _ in movers.len()..room {
            query = query.bind("").bind(0_i64).bind(0_i64).bind(0_i64);
        }
        let moved: Vec<(String,)> = query.fetch_all(&self.pool).await?;
        let mut is_moved = vec![false; movers.len()];
        for (session,) in moved {
            let place = movers.binary_search_by(|(mover, _)| mover.cmp(&session));
            if let Some(moved) = place.ok().and_then(|place| is_moved.get_mut(place)) {
                *moved = true;
            }
        }
        Ok(is_moved)
    }

    /// `session_id, generation, advanced_at` of some sessions.
    async fn look(&self, sessions: &[&str]) -> Result<HashMap<String, (i64, i64)>, DatabaseError> {
        let Some(last) = sessions.last() else { return Ok(HashMap::new()) };
        let (statement, room) = self.looking.of(sessions.len());
        let mut query = sqlx::query_as(statement);
        for place in 0..room {
            query = query.bind(*sessions.get(place).unwrap_or(last));
        }
        let rows: Vec<(String, i64, i64)> = query.fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|(session, generation, advanced_at)| (session, (generation, advanced_at)))
            .collect())
    }
}

impl Together for Advances {
    type Ask = Advance;
    type Answer = Result<Moved, StoreError>;

    async fn run(&self, asks: &[Advance]) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        // A statement may name a session once. Of its wishes the one of the highest generation is tried: if it moves the
        // session, no other could.
        let mut places: Vec<_> = asks.iter().enumerate().collect();
        places.sort_by_key(|(_, ask)| (ask.session, Reverse(ask.generation)));
        let wishes: Vec<_> = places.chunk_by(|(_, a), (_, b)| a.session == b.session).collect();
        let movers: Vec<_> = wishes
            .iter()
            .filter_map(|wishes| wishes.first())
            .map(|(_, mover)| (mover.session.to_string(), *mover))
            .collect();
        let is_moved = self.move_on(&movers).await?;
        let unmoved = movers.iter().zip(&is_moved).filter(|(_, is_moved)| !**is_moved);
        let seen = self.look(&unmoved.map(|((session, _), _)| session.as_str()).collect::<Vec<_>>()).await?;

        let mut answers: Vec<_> = asks.iter().map(|_| None).collect();
        let mut answer = |place: usize, moved| {
            if let Some(answer) = answers.get_mut(place) {
                *answer = Some(moved);
            }
        };
        for ((wishes, (session, mover)), is_moved) in wishes.iter().zip(&movers).zip(is_moved) {
            let newest = || {
                if is_moved {
                    return Ok(Newest {
                        generation: mover.generation.saturating_add(1),
                        advanced_at: date(mover.now.timestamp_millis())?,
                    });
                }
                // It may have ended and been removed meanwhile.
                let (generation, advanced_at) =
                    seen.get(session).ok_or(DatabaseError::from(sqlx::Error::RowNotFound))?;
                Newest::new(*generation, *advanced_at)
            };
            for (n, (place, ask)) in wishes.iter().enumerate() {
                match newest() {
                    _ if n == 0 && is_moved => answer(*place, Ok(Moved::Forward)),
                    // Its own wish was not tried, and would be granted: with the next batch.
                    Ok(newest) if n > 0 && newest.generation == ask.generation => {}
                    newest => answer(*place, newest.map(Moved::Already)),
                }
            }
        }
        Ok(answers)
    }
}
