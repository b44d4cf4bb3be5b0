//! A base station's firmware without an operating system: what it does ([`station`]), with what heap ([`heap`]), and the
//! boards it runs on.
#![no_std]

extern crate alloc;

#[cfg(board)]
pub mod board;
pub mod frame;
pub mod heap;
#[cfg(board)]
pub mod meter;
#[cfg(feature = "cmp")]
pub mod station;
#[cfg(feature = "pkcs10")]
pub mod subject;
