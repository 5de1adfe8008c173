//! The program as its users meet it: arguments in, output and exit code out.
//!
//! Owns what only the whole program can show. What one room can show alone is tested there.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test fails it")]

mod alertmanager;
mod asking;
mod bad_input;
mod config;
mod contract;
mod controller;
mod controller_kills;
mod controller_outages;
mod controller_replicas;
mod demo;
mod findings;
mod findings_replicas;
mod installation;
mod journey;
mod kubectl;
mod manual;
mod node;
mod node_events;
mod node_kills;
mod node_load;
mod node_pods;
mod node_reloads;
mod node_stops;
mod postgres;
mod proc_tree;
mod program;
mod real_host;
mod real_programs;
mod real_servers;
mod real_stuck;
mod receiver;
mod rules;
mod scan;
mod soak;
mod storage;
mod storage_kills;
mod wait;
