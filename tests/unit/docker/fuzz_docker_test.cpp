#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_docker
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/docker_fuzz.cpp"

TEST(FuzzCorpus, DockerHolds) { EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_docker, "docker"), 15u); }
