//! The machine that the load came from, in as much detail as a second run would need.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use serde::{Deserialize, Serialize};

/// Kernel settings that decide about a load test.
const SETTINGS: [&str; 12] = [
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.core.somaxconn",
    "net.core.netdev_max_backlog",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "fs.file-max",
];

/// Facts of the machine; empty where the kernel does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// System, release and architecture of the kernel.
    pub kernel: String,
    /// Model of the first processor.
    pub cpu_model: String,
    /// Cores that this process may use.
    pub cores: u64,
    /// Frequency governor of the first core.
    pub governor: String,
    /// Whether cores share their hardware with each other (SMT): `on`, `off`.
    #[serde(default)]
    pub smt: String,
    /// Whether the machine is a virtual one.
    #[serde(default)]
    pub virtual_machine: bool,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// Load averages when the run began.
    pub load_average: String,
    /// Share of the cores' time, 0 to 1, that the hypervisor gave to others during the run.
    pub steal_share: f64,
    /// Kernel settings by name.
    pub settings: BTreeMap<String, String>,
}

impl Host {
    /// Looks at this machine.
    pub fn observe() -> Host {
        let line = |path: &str| read_to_string(path).unwrap_or_default().trim().to_owned();
        let field = |path: &str, name: &str| {
            let text = read_to_string(path).unwrap_or_default();
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'));
            found.unwrap_or_default().trim().to_owned()
        };
        let kernel = nix::sys::utsname::uname().map(|name| {
            let part = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
            format!("{} {} {}", part(name.sysname()), part(name.release()), part(name.machine()))
        });
        let setting = |name: &&str| {
            let value = line(&format!("/proc/sys/{}", name.replace('.', "/")));
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            (!value.is_empty()).then(|| ((*name).to_owned(), value))
        };
        Host {
            kernel: kernel.unwrap_or_default(),
            cpu_model: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64),
            governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            smt: match line("/sys/devices/system/cpu/smt/active").as_str() {
                "1" => "on".to_owned(),
                "0" => "off".to_owned(),
                _ => String::new(),
            },
            virtual_machine: field("/proc/cpuinfo", "flags").split(' ').any(|flag| flag == "hypervisor"),
            memory_kib: field("/proc/meminfo", "MemTotal")
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(0),
            load_average: line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            steal_share: 0.0,
            settings: SETTINGS.iter().filter_map(setting).collect(),
        }
    }
}

/// Watches how much of the cores' time the hypervisor takes away.
#[derive(Clone, Copy, Debug)]
pub struct StealWatch {
    stolen: u64,
    whole: u64,
}

impl StealWatch {
    /// Begins to watch.
    pub fn start() -> StealWatch {
        let (stolen, whole) = cpu_ticks();
        StealWatch { stolen, whole }
    }

    /// The share since then, 0 to 1.
    pub fn share(&self) -> f64 {
        let (stolen, whole) = cpu_ticks();
        super::ratio(stolen.saturating_sub(self.stolen), whole.saturating_sub(self.whole)).min(1.0)
    }
}

/// Ticks stolen, and ticks of any sort, of all cores (proc_stat(5): the first eight do not overlap).
fn cpu_ticks() -> (u64, u64) {
    let text = read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> =
        first.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
    let whole = ticks.iter().fold(0, |sum: u64, &ticks| sum.saturating_add(ticks));
    (ticks.get(7).copied().unwrap_or(0), whole)
}
