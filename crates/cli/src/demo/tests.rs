//! Every scene, in every language, by its snapshot.
