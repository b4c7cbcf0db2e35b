set(libs agenthost_docker_store agenthost_docker_ledger agenthost_docker_server agenthost_docker_spec)
# These compute. The linker takes the JSON library's templates from the first object that has them, so fuzz_docker_test and body_test, which come
# first, decide how fast it is for all.
set_source_files_properties(${dir}/server/exhaustive_test.cpp ${dir}/server/model_test.cpp ${dir}/fuzz_docker_test.cpp
  ${dir}/spec/body_test.cpp PROPERTIES COMPILE_OPTIONS -O2)
