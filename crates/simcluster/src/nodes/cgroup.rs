//! Paths of control groups, as kubelets and runtimes make them.

use super::pod::Runtime;

/// Who names the groups of a node's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// Slices and scopes of systemd.
    Systemd,
    /// Plain folders.
    Cgroupfs,
}

/// The quality of service of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Limits equal to requests.
    Guaranteed,
    /// Some requests.
    Burstable,
    /// None.
    BestEffort,
}

impl Quality {
    /// As `status.qosClass` has it; what is unknown is taken for the usual.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "Guaranteed" => Self::Guaranteed,
            "BestEffort" => Self::BestEffort,
            _ => Self::Burstable,
        }
    }

    /// The level below all pods; guaranteed ones have none.
    fn level(self) -> Option<&'static str> {
        match self {
            Self::Guaranteed => None,
            Self::Burstable => Some("burstable"),
            Self::BestEffort => Some("besteffort"),
        }
    }
}

/// The line of `cgroup` for a container of a pod.
pub(crate) fn of_container(driver: Driver, (uid, quality): (&str, Quality), (runtime, id): (Runtime, &str)) -> String {
    match driver {
        Driver::Systemd => {
            let uid = uid.replace('-', "_");
            let scope = match runtime {
                Runtime::Containerd => "cri-containerd",
                Runtime::CriO => "crio",
                Runtime::Docker => "docker",
            };
            let pod = match quality.level() {
                Some(level) => format!("kubepods-{level}.slice/kubepods-{level}-pod{uid}.slice"),
                None => format!("kubepods-pod{uid}.slice"),
            };
            format!("0::/kubepods.slice/{pod}/{scope}-{id}.scope\n")
        }
        Driver::Cgroupfs => {
            let level = quality.level().map(|level| format!("{level}/")).unwrap_or_default();
            format!("0::/kubepods/{level}pod{uid}/{id}\n")
        }
    }
}

/// The line of `cgroup` for a service of the node itself.
pub(crate) fn of_service(name: &str) -> String {
    format!("0::/system.slice/{name}.service\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";

    #[track_caller]
    fn check(driver: Driver, quality: Quality, runtime: Runtime, expected: &str) {
        assert_eq!(of_container(driver, (UID, quality), (runtime, "4f1c")), format!("{expected}\n"));
    }

    #[test]
    fn systemd_nests_slices_and_writes_the_uid_with_underscores() {
        check(
            Driver::Systemd,
            Quality::Burstable,
            Runtime::Containerd,
            "0::/kubepods.slice/kubepods-burstable.slice/\
             kubepods-burstable-pod8712f785_1a3e_41ec_a00b_e2dcc77431cb.slice/cri-containerd-4f1c.scope",
        );
        check(
            Driver::Systemd,
            Quality::Guaranteed,
            Runtime::CriO,
            "0::/kubepods.slice/kubepods-pod8712f785_1a3e_41ec_a00b_e2dcc77431cb.slice/crio-4f1c.scope",
        );
    }

    #[test]
    fn plain_folders_keep_the_uid_and_name_no_runtime() {
        let path = "0::/kubepods/besteffort/pod8712f785-1a3e-41ec-a00b-e2dcc77431cb/4f1c";
        check(Driver::Cgroupfs, Quality::BestEffort, Runtime::Docker, path);
    }
}
