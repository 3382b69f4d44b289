//! The random steps of a run.

use proptest::{collection::vec, prelude::*};

pub(crate) const REPLICAS: usize = 2;
pub(crate) const SESSIONS: usize = 3;

/// One event of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Refreshes a token at a replica: the newest of the session that the holder has, or `back` before it. The response
    /// may be lost, so that the holder keeps only the old token.
    Refresh {
        replica: usize,
        session: usize,
        back: usize,
        holder: Holder,
        place: Place,
        ttl: u32,
        lost: bool,
    },
    /// Presents a token for a request to the conversation.
    Present { replica: usize, session: usize, back: usize, holder: Holder },
    /// A replica stores which tokens were presented.
    Flush { replica: usize },
    /// Revokes tokens through a replica.
    Revoke { replica: usize, target: Target },
    /// A replica reads the store's revocations.
    Follow { replica: usize },
    /// Advances the clock.
    Wait { seconds: i64 },
    /// Restarts a replica, which loses its in-memory state.
    Restart { replica: usize },
    /// Activates the other key at a replica; both keys still open tokens.
    Rotate { replica: usize },
    /// Restores an older copy of the store, which does not contain the session.
    Restore { session: usize },
}

/// The holder of a token: the guest, or a thief with or without the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) key: Key,
    pub(crate) browser: Browser,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Own,
    Other,
    None,
}

/// The fingerprint that FlexWebchatOrchestratorService presents; none with the feature off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Own,
    /// The original browser after an update.
    Updated,
    Other,
    FeatureOff,
}

/// The account and deployment of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Own,
    OtherAccount,
    OtherDeployment,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Session(usize),
    Identity(usize),
    Deployment,
    Account,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (replica, session) = (0..REPLICAS, 0..SESSIONS);
    let target = prop_oneof![
        4 => session.clone().prop_map(Target::Session),
        2 => session.clone().prop_map(Target::Identity),
        1 => Just(Target::Deployment),
        1 => Just(Target::Account),
    ];
    let back = prop_oneof![6 => Just(0usize), 4 => Just(1usize), 2 => 2usize..5];
    let key = prop_oneof![8 => Just(Key::Own), 1 => Just(Key::Other), 1 => Just(Key::None)];
    let browser = prop_oneof![
        6 => Just(Browser::Own),
        2 => Just(Browser::Updated),
        1 => Just(Browser::Other),
        2 => Just(Browser::FeatureOff),
    ];
    let place = prop_oneof![
        18 => Just(Place::Own),
        1 => Just(Place::OtherAccount),
        1 => Just(Place::OtherDeployment),
    ];
    let ttl = prop_oneof![3 => Just(300u32), 1 => Just(100u32), 1 => Just(1200u32)];
    let holder = (key, browser).prop_map(|(key, browser)| Holder { key, browser });
    let refresh = (replica.clone(), session.clone(), back.clone(), holder.clone(), place, ttl, any::<bool>())
        .prop_map(|(replica, session, back, holder, place, ttl, lost)| Step::Refresh {
            replica,
            session,
            back,
            holder,
            place,
            ttl,
            lost,
        });
    let present = (replica.clone(), session.clone(), back, holder)
        .prop_map(|(replica, session, back, holder)| Step::Present { replica, session, back, holder });
    let seconds = prop_oneof![4 => 0i64..5, 4 => 55i64..70, 1 => 90i64..450];
    vec(
        prop_oneof![
            12 => refresh,
            4 => present,
            3 => replica.clone().prop_map(|replica| Step::Flush { replica }),
            1 => (replica.clone(), target).prop_map(|(replica, target)| Step::Revoke { replica, target }),
            2 => replica.clone().prop_map(|replica| Step::Follow { replica }),
            6 => seconds.prop_map(|seconds| Step::Wait { seconds }),
            1 => replica.clone().prop_map(|replica| Step::Restart { replica }),
            1 => replica.prop_map(|replica| Step::Rotate { replica }),
            1 => session.prop_map(|session| Step::Restore { session }),
        ],
        1..30,
    )
}
