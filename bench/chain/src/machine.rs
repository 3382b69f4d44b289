//! The machine of a measurement.

use std::fs;

/// The machine in one line: cores, model, memory, kernel.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let model =
        value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "processor of unknown make".into());
    let memory = value(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kilobytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} cores ({model}), {:.0} GiB of memory, Linux {}",
        kilobytes / f64::from(1 << 20),
        kernel.trim()
    )
}

/// The value of the first line `name : value`.
fn value(text: &str, name: &str) -> Option<String> {
    let named = |line: &str| {
        let (other, value) = line.split_once(':')?;
        (other.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn the_first_line_with_a_name_is_used() {
        let text = "processor\t: 0\nmodel name\t: A: B\nmodel name\t: C\n";
        assert_eq!(value(text, "model name").as_deref(), Some("A: B"));
        assert_eq!(value(text, "model"), None);
    }
}
