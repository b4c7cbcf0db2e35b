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

# agenthost_test(NAME SOURCES ... [LIBS ...] [LABELS ...]): a GoogleTest program, each test a CTest test of its own.
function(agenthost_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # Tests wait, they do not compute: not optimising them halves their share of a build on 2 cores.
  target_compile_options(${name} PRIVATE -O0)
  if("unit" IN_LIST arg_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
  target_link_libraries(${name} PRIVATE agenthost_options agenthost_test_support ${arg_LIBS} GTest::gtest GTest::gmock
    GTest::gtest_main)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
