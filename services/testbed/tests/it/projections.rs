//! Read models: the same rows whatever happens on the way.

mod analyzing;
mod batches;
mod following;
mod parking;
mod plans;
mod queries;
mod rebuilding;
mod story;
mod world;
