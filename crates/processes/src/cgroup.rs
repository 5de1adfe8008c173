//! Which pod and container a cgroup path names.
