# How this repository builds its own rooms and tests. Not installed.
add_library(agenthost_options INTERFACE)
target_compile_options(agenthost_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers
  "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-dangling-pointer>")
target_compile_definitions(agenthost_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  AGENTHOST_VERSION="${PROJECT_VERSION}")
target_include_directories(agenthost_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/sdk
  ${CMAKE_SOURCE_DIR}/sdk/include)
target_link_libraries(agenthost_options INTERFACE Threads::Threads)
if(AGENTHOST_SANITIZE)
  add_compile_options(-fsanitize=${AGENTHOST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AGENTHOST_SANITIZE})
endif()

set(CMAKE_CXX_FLAGS_DEBUG "-g1") # lines for a stack trace; all of -g is a fifth of a sanitizer build
set(CMAKE_C_FLAGS_DEBUG "-g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
add_link_options($<$<CONFIG:Release>:LINKER:--gc-sections>)
if(CMAKE_EXE_LINKER_FLAGS MATCHES mold) # ld does so by itself: what never runs stands apart, so fewer pages are in memory
  add_link_options(LINKER:-z,keep-text-section-prefix)
endif()
add_custom_target(unit_tests) # what ./dev asan unit builds

# agenthost_room(NAME [COLD] [LIBS ...]): every .cpp of the folder and its folders as one static library agenthost_NAME. COLD: runs at start-up or for
# a person, so small beats fast (fewer pages of an idle daemon, quicker to compile).
function(agenthost_room name)
  cmake_parse_arguments(arg "COLD" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cpp)
  if(NOT sources)
    add_library(agenthost_${name} INTERFACE)
    target_link_libraries(agenthost_${name} INTERFACE agenthost_options ${arg_LIBS})
    return()
  endif()
  add_library(agenthost_${name} STATIC ${sources})
  target_link_libraries(agenthost_${name} PUBLIC agenthost_options ${arg_LIBS})
  if(arg_COLD)
    target_compile_options(agenthost_${name} PRIVATE $<$<CONFIG:Release>:-Os>)
  endif()
endfunction()

# agenthost_batches(OUT NAME SOURCE...): files that include two or three of the sources each, so that headers are read once (host/adr/0019). A batch
# ends after a file whose name hashes to it, not after the n-th: a file that is added or removed changes two or three batches, not all later ones.
# Includes are relative, so checkouts share a compiler cache. Alone stay fuzzers, which are whole programs, and sources with options of their own or
# the property SKIP_UNITY_BUILD_INCLUSION. These are linked first: the linker takes a template from the first object that has it, and some need it
# optimised.
function(agenthost_batches out name)
  set(alone "")
  set(batches "")
  set(length 0)
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    set(own "")
    foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES SKIP_UNITY_BUILD_INCLUSION)
      get_source_file_property(value ${source} ${property})
      if(value)
        set(own ${property})
      endif()
    endforeach()
    if(own OR source MATCHES "/fuzz_[^/]*$" OR NOT source MATCHES "[.]cpp$" OR NOT AGENTHOST_UNITY)
      list(APPEND alone ${source})
      continue()
    endif()
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    if(length EQUAL 0)
      set(batch ${CMAKE_CURRENT_BINARY_DIR}/batches/${name}/${source})
      set(${batch} "")
      list(APPEND batches ${batch})
    endif()
    string(APPEND ${batch} "#include \"${source}\"\n")
    math(EXPR length "${length} + 1")
    string(MD5 hash ${source})
    if(length EQUAL 3 OR (length EQUAL 2 AND hash MATCHES "^[0-3]"))
      set(length 0)
    endif()
  endforeach()
  foreach(batch ${batches})
    file(CONFIGURE OUTPUT ${batch} CONTENT "${${batch}}" @ONLY)
  endforeach()
  set(${out} ${alone} ${batches} PARENT_SCOPE)
endfunction()

# agenthost_test(NAME SOURCES ... [LIBS ...] [LABELS ...]): a GoogleTest program, each test a CTest test of its own.
function(agenthost_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  agenthost_batches(sources ${name} ${arg_SOURCES})
  add_executable(${name} ${sources})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # Tests wait, they do not compute: not optimising them halves their share of a build on 2 cores.
  target_compile_options(${name} PRIVATE -O0)
  # gcc collects its garbage from 128 MB on. Not to do so before 1 GB saves 6 % of its time; the largest batch needs 1 GB.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=1048576>)
  if("unit" IN_LIST arg_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
  target_link_libraries(${name} PRIVATE agenthost_options agenthost_test_support ${arg_LIBS} GTest::gtest GTest::gmock
    GTest::gtest_main)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
