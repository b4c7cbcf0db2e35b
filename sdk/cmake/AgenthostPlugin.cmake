# agenthost_add_plugin(ID SOURCES... [MANIFEST FILE] [LIBS ...] [OUTPUT DIR] [NO_INSTALL])
# A plugin: ID.so with hidden visibility and one exported symbol, ID.manifest.json beside it and embedded in its entry. The target is
# ID_plugin. MANIFEST defaults to manifest.json in the same folder. Installed with the SDK; also used by this repository.
set(_agenthost_plugin_dir ${CMAKE_CURRENT_LIST_DIR})
include(GNUInstallDirs)

function(agenthost_add_plugin id)
  cmake_parse_arguments(arg "NO_INSTALL" "MANIFEST;OUTPUT" "LIBS;SOURCES" ${ARGN})
  set(sources ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  if(NOT arg_MANIFEST)
    set(arg_MANIFEST manifest.json)
  endif()
  get_filename_component(manifest ${arg_MANIFEST} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT EXISTS ${manifest})
    message(FATAL_ERROR "agenthost_add_plugin(${id}): no manifest at ${manifest}. Write one (sdk/README.md lists its fields) or name it with MANIFEST.")
  endif()
  if(NOT arg_OUTPUT)
    set(arg_OUTPUT ${CMAKE_BINARY_DIR}/lib/agenthost/plugins-1)
  endif()
  file(SIZE ${manifest} manifest_size) # the entry is constant data, so the size is known when compiling
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})

  set(language c)
  if(NOT CMAKE_C_COMPILER_LOADED)
    set(language cpp)
  endif()
  set(embedded ${CMAKE_CURRENT_BINARY_DIR}/${id}.manifest.${language})
  add_custom_command(OUTPUT ${embedded} ${arg_OUTPUT}/${id}.manifest.json
    COMMAND ${CMAKE_COMMAND} -DIN=${manifest} -DOUT=${embedded} -DCOPY=${arg_OUTPUT}/${id}.manifest.json
            -P ${_agenthost_plugin_dir}/EmbedManifest.cmake
    DEPENDS ${manifest} ${_agenthost_plugin_dir}/EmbedManifest.cmake VERBATIM)
  add_library(${id}_plugin MODULE ${sources} ${embedded})
  target_compile_definitions(${id}_plugin PRIVATE AGENTHOST_MANIFEST_SIZE=${manifest_size})
  target_link_libraries(${id}_plugin PRIVATE ${arg_LIBS})
  if(TARGET agenthost::sdk)
    target_link_libraries(${id}_plugin PRIVATE agenthost::sdk)
  endif()
  set_target_properties(${id}_plugin PROPERTIES PREFIX "" OUTPUT_NAME ${id} SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT} C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${_agenthost_plugin_dir}/plugin.map)
  target_link_options(${id}_plugin PRIVATE "LINKER:--version-script=${_agenthost_plugin_dir}/plugin.map"
    "LINKER:-z,now" "LINKER:-z,relro")
  # A function that nobody defines is an error of this build, not of dlopen() on another machine. Clang links the sanitizers'
  # runtime into programs only, so there the plugin cannot be complete.
  if(NOT (CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND (AGENTHOST_SANITIZE OR "${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize=")))
    target_link_options(${id}_plugin PRIVATE "LINKER:-z,defs")
  endif()
  if(NOT arg_NO_INSTALL)
    if(AGENTHOST_PLUGIN_DIR AND NOT AGENTHOST_PLUGIN_DIR STREQUAL "${CMAKE_INSTALL_FULL_LIBDIR}/agenthost/plugins-1")
      message(STATUS "${id} will be installed into ${CMAKE_INSTALL_FULL_LIBDIR}/agenthost/plugins-1; this agenthost looks into "
        "${AGENTHOST_PLUGIN_DIR}. Configure with -DCMAKE_INSTALL_PREFIX=, or name the folder in agent.plugin_path")
    endif()
    install(TARGETS ${id}_plugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/agenthost/plugins-1)
    install(FILES ${manifest} DESTINATION ${CMAKE_INSTALL_LIBDIR}/agenthost/plugins-1 RENAME ${id}.manifest.json)
  endif()
endfunction()
