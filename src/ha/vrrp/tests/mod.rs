//! Tests of packets and of the machine: golden bytes, every rule of receipt, every row of the state
//! machine, and simulations of whole pairs.

#![allow(clippy::unwrap_used)]

mod beyond;
mod hostile;
mod memory;
mod receipt;
mod rows;
mod simulation;
mod support;
mod vectors;
mod wishes;
