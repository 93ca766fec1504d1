//! The journal under faults: servers killed, paused and cut off while it writes. What was acknowledged stays, what was
//! refused never was, and every caller gets an answer.

mod cluster;
mod load;
mod network;
mod one_server;
mod writers;
