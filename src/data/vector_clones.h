#pragma once

/// A plain loop with this in front is compiled once for each of these instruction sets and chosen at start, so that a
/// portable binary still runs at memory speed. Sanitizers do not survive the resolvers, which run before their own
/// start.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define TRAINYARD_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define TRAINYARD_VECTOR_CLONES
#endif
