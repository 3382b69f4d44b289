//! The committed inputs of a target, and variations of them: what ordinary tests check of a target's property.

use std::path::Path;

/// Calls `property` with each seed of `target`, with each of its beginnings, and with some bytes in each of its places.
///
/// # Panics
/// If there are none, or if the property panics.
pub fn each_variation(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(|folder| {
        let seeds = folder.join("fuzz/seeds").join(target);
        seeds.is_dir().then_some(seeds)
    });
    let folder = folder.expect("a folder of seeds");
    let seeds: Vec<_> =
        std::fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("a seed").path()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        let seed = std::fs::read(seed).expect("a seed");
        property(&seed);
        for place in 0..seed.len() {
            for byte in [b'\n', b'"', b'\\', b'{', b',', 0, 0xff] {
                let mut changed = seed.clone();
                changed[place] = byte;
                property(&changed);
            }
            property(&seed[..place]);
        }
    }
}
