//! What may happen to sessions: the random steps of a run.

use proptest::{collection::vec, prelude::*};

pub(crate) const REPLICAS: usize = 2;
pub(crate) const SESSIONS: usize = 3;

/// One event of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A token is refreshed at a replica: the newest of its session that its holder has, or `back` before it. The answer
    /// may be lost, so that the holder keeps the old one only.
    Refresh {
        replica: usize,
        session: usize,
        back: usize,
        holder: Holder,
        place: Place,
        ttl: u32,
        lost: bool,
    },
    /// A token is presented for a call of the conversation.
    Present { replica: usize, session: usize, back: usize, holder: Holder },
    /// A replica writes down which tokens were presented.
    Flush { replica: usize },
    /// Tokens are revoked through a replica.
    Revoke { replica: usize, target: Target },
    /// A replica reads the store's revocations.
    Follow { replica: usize },
    /// Time passes.
    Wait { seconds: i64 },
    /// A replica restarts, with what it had in memory lost.
    Restart { replica: usize },
    /// The other key makes the tokens of a replica from now on; both open them.
    Rotate { replica: usize },
    /// An older copy of the store is restored, which does not know the session.
    Restore { session: usize },
}

/// Who presents a token: the guest, or a thief who has the key or not.
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

/// What FlexWebchatOrchestratorService shows of the browser; nothing with the feature off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Own,
    /// The own one after an update.
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
