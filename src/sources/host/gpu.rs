//! NVIDIA GPUs, through the driver's own library (NVML), which is loaded when it is first needed.
//!
//! Without the library, a driver or a GPU there are no values. Those that CUDA_VISIBLE_DEVICES
//! leaves out are not the run's.

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;

#[derive(Debug, Default)]
pub(super) struct Gpus {
    library: Library,
}

#[derive(Debug, Default)]
enum Library {
    #[default]
    NotTried,
    Missing,
    Loaded(Box<Nvml>),
}

/// What one GPU says of itself; some say less.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    utilization: Option<f64>,
    memory: Option<f64>,
    temperature: Option<f64>,
}

impl Gpus {
    pub(super) fn measure(&mut self) -> Vec<(&'static str, f64)> {
        if matches!(self.library, Library::NotTried) {
            self.library = match Nvml::init() {
                Ok(nvml) => Library::Loaded(Box::new(nvml)),
                Err(_) => Library::Missing,
            };
        }
        let Library::Loaded(nvml) = &self.library else { return Vec::new() };
        summary(&readings(nvml, std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref()))
    }
}

fn readings(nvml: &Nvml, visible: Option<&str>) -> Vec<Reading> {
    let devices = (0..nvml.device_count().unwrap_or(0)).filter_map(|index| {
        let device = nvml.device_by_index(index).ok()?;
        let uuid = device.uuid().unwrap_or_default();
        is_visible(visible, index, &uuid).then_some(device)
    });
    let read = devices.map(|device| Reading {
        utilization: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu)),
        memory: device.memory_info().ok().map(|memory| memory.used as f64),
        temperature: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
    });
    read.collect()
}

/// Whether a CUDA program with that CUDA_VISIBLE_DEVICES sees the GPU (CUDA C++ Programming Guide,
/// "CUDA Environment Variables"): a list of indexes or beginnings of UUIDs, up to the first one
/// that is neither. Indexes are taken to count as NVML does.
fn is_visible(list: Option<&str>, index: u32, uuid: &str) -> bool {
    let Some(list) = list else { return true };
    let words = list.split(',').map(str::trim);
    // A part of a GPU: which one it is a part of is not said.
    if words.clone().any(|word| word.starts_with("MIG-")) {
        return true;
    }
    let valid = |word: &&str| word.starts_with("GPU-") || word.parse::<u32>().is_ok();
    let names = |word: &str| match word.parse::<u32>() {
        Ok(number) => number == index,
        Err(_) => uuid.starts_with(word),
    };
    words.take_while(valid).any(names)
}

/// The least busy, the fullest and the hottest one: one that idles, fills up or glows is the one to
/// hear of.
fn summary(gpus: &[Reading]) -> Vec<(&'static str, f64)> {
    let utilization = gpus.iter().filter_map(|gpu| gpu.utilization).reduce(f64::min);
    let memory = gpus.iter().filter_map(|gpu| gpu.memory).reduce(f64::max);
    let temperature = gpus.iter().filter_map(|gpu| gpu.temperature).reduce(f64::max);
    let named =
        [("gpu.util", utilization), ("gpu.memory", memory), ("gpu.temperature", temperature)];
    named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gpu_to_hear_of_is_told() {
        let gpu = |utilization, memory, temperature| Reading {
            utilization: Some(utilization),
            memory: Some(memory),
            temperature: Some(temperature),
        };
        let gpus = [gpu(99.0, 4e9, 60.0), gpu(3.0, 8e9, 55.0), Reading::default()];
        let expected = [("gpu.util", 3.0), ("gpu.memory", 8e9), ("gpu.temperature", 60.0)];
        assert_eq!(summary(&gpus), expected);
        assert!(summary(&[]).is_empty());
        assert!(summary(&[Reading::default()]).is_empty());
    }

    #[test]
    fn gpus_that_the_run_does_not_see_are_not_its_own() {
        let uuids = ["GPU-8932f937", "GPU-1234abcd", "GPU-12ff0000"];
        for (list, expected) in [
            (None, &[0, 1, 2][..]),
            (Some("0,2"), &[0, 2]),
            (Some(" 1 "), &[1]),
            (Some(""), &[]),
            (Some("-1"), &[]),
            (Some("0,-1,1"), &[0]),
            (Some("GPU-12"), &[1, 2]),
            (Some("GPU-8932f937,1"), &[0, 1]),
            (Some("MIG-4711"), &[0, 1, 2]),
        ] {
            let seen: Vec<usize> =
                (0..3).filter(|at| is_visible(list, *at as u32, uuids[*at])).collect();
            assert_eq!(seen, expected, "{list:?}");
        }
    }

    #[test]
    fn a_machine_without_a_driver_gives_nothing() {
        let mut gpus = Gpus { library: Library::Missing };
        assert!(gpus.measure().is_empty());
    }
}
