//! Takes secrets out of command lines before they are stored, logged or served.
