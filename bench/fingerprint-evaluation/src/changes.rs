//! False rejects: one visitor, before and after a change that real browsers go through. The network changes only in
//! rows that say so.

use crate::{
    draws::{Draws, LORD_HOWE},
    faces::{self, Face},
    updates,
    visitor::{Visitor, Widget},
};

/// The product's goals for the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A single ordinary change, which no level rejects.
    NeverRefused,
    /// Travel, another language or another face, which only `high` may reject.
    RefusedOnlyByHigh,
    /// A theft that every level rejects.
    AlwaysRefused,
    /// Another browser, which only `low` may accept.
    AcceptedOnlyByLow,
    /// An adaptive thief with one guess, accepted by `medium` in at most a quarter and by `high` in at most an eighth of the
    /// cases.
    QuarterAndEighth,
    /// Measured, without a goal.
    None,
}

/// A row: a change of a visitor.
pub(crate) struct Change {
    pub(crate) name: &'static str,
    pub(crate) goal: Goal,
    /// The visitor when the token was made and when it is presented; `None` if the change does not apply to this
    /// visitor.
    pub(crate) happens: fn(&Visitor, &mut Draws) -> Option<(Visitor, Visitor)>,
}

pub(crate) const CHANGES: &[Change] = &[
    ordinary("nothing changed", |before, _| after(before, |_| Some(()))),
    ordinary("browser update by one version", |before, _| after(before, |v| update(v, 1))),
    ordinary("browser update by two to six versions", |before, draws| {
        // Safari has one version a year.
        let by = 2 + draws.below(5) as u16;
        if updates::is_safari(&before.headers) { None } else { after(before, |v| update(v, by)) }
    }),
    ordinary("update with zstd, other GREASE and order in Sec-CH-UA", |before, _| {
        let before = without_zstd(before);
        after(&before, rich_update)
    }),
    ordinary("browser update from version 99 to 100", |before, _| {
        let headers = (!updates::is_safari(&before.headers))
            .then(|| updates::at_version(&before.headers, 99))
            .flatten()?;
        after(&Visitor { headers, ..before.clone() }, |v| update(v, 1))
    }),
    ordinary("Safari's step from 18 to 26", |before, _| {
        let headers =
            updates::is_safari(&before.headers).then(|| updates::at_version(&before.headers, 18))?;
        let headers = headers.unwrap_or_else(|| before.headers.clone());
        after(&Visitor { headers, ..before.clone() }, |v| update(v, 1))
    }),
    ordinary("operating system update", |before, _| {
        after(before, |v| {
            v.headers = updates::on_next_system(&v.headers)?;
            Some(())
        })
    }),
    ordinary("daylight saving begins or ends", |before, draws| {
        let (winter, mut summer) = (before.clone(), before.clone());
        daylight_saving(&mut summer)?;
        Some(if draws.below(2) == 0 { (winter, summer) } else { (summer, winter) })
    }),
    ordinary("Lord Howe Island's half hour of it", |before, draws| {
        let mut winter = before.clone();
        winter.widget.as_mut()?.clock = LORD_HOWE;
        let mut summer = winter.clone();
        daylight_saving(&mut summer)?;
        Some(if draws.below(2) == 0 { (winter, summer) } else { (summer, winter) })
    }),
    Change {
        name: "travel to another timezone, new network",
        goal: Goal::RefusedOnlyByHigh,
        happens: |before, draws| after(before, |v| travel(v, draws)),
    },
    ordinary("new network", |before, draws| after(before, |v| new_network(v, draws))),
    ordinary("IPv4 to IPv6 or back", |before, draws| {
        after(before, |v| {
            v.address = if v.address.is_ipv4() { draws.ipv6() } else { draws.ipv4() };
            Some(())
        })
    }),
    ordinary("language list reduced to one", |before, _| after(before, reduced_languages)),
    Change {
        name: "another language first",
        goal: Goal::RefusedOnlyByHigh,
        happens: |before, _| after(before, |v| (v.languages.len() > 1).then(|| v.languages.rotate_left(1))),
    },
    face("iPad: full screen to split view, or back", |v, draws| faces::switch(v, Face::SplitView, draws)),
    face("Android: desktop site, or back", |v, draws| faces::switch(v, Face::DesktopSite, draws)),
    face("foldable: folded or unfolded", |v, draws| faces::switch(v, Face::Foldable, draws)),
    face("Firefox on Android: phone to tablet, or back", |v, draws| faces::switch(v, Face::Firefox, draws)),
    face("app: desktop site without its own name, or back", |v, draws| faces::switch(v, Face::App, draws)),
    ordinary("both decoders' answers changed", |before, _| after(before, other_decoders)),
    ordinary("cookies switched on or off", |before, _| {
        after(before, |v| {
            let widget = v.widget.as_mut()?;
            widget.cookie_enabled = !widget.cookie_enabled;
            Some(())
        })
    }),
    ordinary("client hints appear", |after, _| {
        let mut before = after.clone();
        without_hints(&mut before)?;
        Some((before, after.clone()))
    }),
    ordinary("client hints missing", |before, _| after(before, without_hints)),
    ordinary("Accept-Encoding cut down to gzip on the way", |before, _| {
        after(before, |v| {
            v.headers.accept_encoding = Some("gzip".to_owned());
            Some(())
        })
    }),
    several("at once: update with all it brings, new network, daylight saving", |before, draws| {
        let before = without_zstd(before);
        after(&before, |v| {
            rich_update(v)?;
            new_network(v, draws)?;
            daylight_saving(v)
        })
    }),
    several("at once: update with all it brings, both decoders, list reduced", |before, _| {
        let before = without_zstd(before);
        after(&before, |v| {
            rich_update(v)?;
            other_decoders(v)?;
            reduced_languages(v)
        })
    }),
    several("at once: travel, new network, both decoders", |before, draws| {
        after(before, |v| {
            travel(v, draws)?;
            other_decoders(v)
        })
    }),
];

type Happens = fn(&Visitor, &mut Draws) -> Option<(Visitor, Visitor)>;

const fn ordinary(name: &'static str, happens: Happens) -> Change {
    Change { name, goal: Goal::NeverRefused, happens }
}

const fn face(name: &'static str, happens: Happens) -> Change {
    Change { name, goal: Goal::RefusedOnlyByHigh, happens }
}

const fn several(name: &'static str, happens: Happens) -> Change {
    Change { name, goal: Goal::None, happens }
}

/// `before`, and its changed copy.
fn after(before: &Visitor, happens: impl FnOnce(&mut Visitor) -> Option<()>) -> Option<(Visitor, Visitor)> {
    let mut after = before.clone();
    happens(&mut after)?;
    Some((before.clone(), after))
}

fn update(visitor: &mut Visitor, by: u16) -> Option<()> {
    visitor.headers = updates::updated(&visitor.headers, by)?;
    Some(())
}

fn rich_update(visitor: &mut Visitor) -> Option<()> {
    update(visitor, 1)?;
    let headers = &mut visitor.headers;
    headers.sec_ch_ua = headers.sec_ch_ua.as_deref().map(updates::shuffled);
    headers.accept_encoding = headers.accept_encoding.as_deref().map(|codings| format!("{codings}, zstd"));
    Some(())
}

fn without_zstd(visitor: &Visitor) -> Visitor {
    let mut visitor = visitor.clone();
    let codings = visitor.headers.accept_encoding.take();
    visitor.headers.accept_encoding = codings.map(|codings| codings.replace(", zstd", ""));
    visitor
}

fn without_hints(visitor: &mut Visitor) -> Option<()> {
    let headers = &mut visitor.headers;
    headers.sec_ch_ua.take()?;
    headers.sec_ch_ua_mobile = None;
    headers.sec_ch_ua_platform = None;
    Some(())
}

fn daylight_saving(visitor: &mut Visitor) -> Option<()> {
    let clock = &mut visitor.widget.as_mut()?.clock;
    clock.summer = !clock.summer;
    (clock.saving > 0).then_some(())
}

/// A country, drawn by population, with another time zone.
fn travel(visitor: &mut Visitor, draws: &mut Draws) -> Option<()> {
    let home = visitor.widget.as_ref()?.clock.offset();
    let away = loop {
        let country = draws.country();
        let clock = draws.clock(country);
        if clock.offset() != home {
            break clock;
        }
    };
    visitor.widget.as_mut()?.clock = away;
    new_network(visitor, draws)
}

fn new_network(visitor: &mut Visitor, draws: &mut Draws) -> Option<()> {
    visitor.address = if visitor.address.is_ipv4() { draws.ipv4() } else { draws.ipv6() };
    Some(())
}

fn reduced_languages(visitor: &mut Visitor) -> Option<()> {
    (visitor.languages.len() > 1).then(|| visitor.languages.truncate(1))
}

fn other_decoders(visitor: &mut Visitor) -> Option<()> {
    let Widget { decoders: (audio, video), .. } = visitor.widget.as_mut()?;
    (*audio, *video) = (!*audio, !*video);
    Some(())
}
