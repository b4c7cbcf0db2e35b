# cmake -DOUT=x.cpp -DMANIFESTS=a.json,b.json -P: what action_words.cpp reads of the manifests of this repository's plugins, as C++.
string(REPLACE "," ";" manifests "${MANIFESTS}")
set(lines "")
foreach(manifest ${manifests})
  file(READ ${manifest} text)
  string(JSON aliases ERROR_VARIABLE none GET "${text}" aliases)
  if(none STREQUAL "NOTFOUND")
    string(APPEND lines "    R\"manifest({\"aliases\": ${aliases}})manifest\",\n")
  endif()
endforeach()
file(WRITE ${OUT} "namespace agenthost::hub {
extern const char* const known_manifests[];
const char* const known_manifests[] = {
${lines}    nullptr};
} // namespace agenthost::hub
")
