//! Lines and pages as servers write them.
