//! Every pod of the cluster, or of one node, in memory, and the answer to "whose is this?".
