# cmake -DIN=manifest.json -DOUT=x.c -DCOPY=id.manifest.json -P: the manifest's bytes as a C array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <stddef.h>\nextern const unsigned char agenthost_manifest_data[];\nextern const size_t agenthost_manifest_size;\nconst unsigned char agenthost_manifest_data[] = {${bytes}0};\nconst size_t agenthost_manifest_size = sizeof agenthost_manifest_data - 1;\n")
file(COPY_FILE ${IN} ${COPY})
