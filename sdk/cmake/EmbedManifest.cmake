# cmake -DIN=manifest.json -DOUT=x.c -DCOPY=id.manifest.json -P: the manifest's bytes as an array, valid C11 and C++20.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <stddef.h>
#ifdef __cplusplus
#define _Static_assert static_assert
extern \"C\" {
#endif
extern const unsigned char agenthost_manifest_data[];
extern const size_t agenthost_manifest_size;
const unsigned char agenthost_manifest_data[] = {${bytes}0};
const size_t agenthost_manifest_size = sizeof agenthost_manifest_data - 1;
#ifdef AGENTHOST_MANIFEST_SIZE
_Static_assert(sizeof agenthost_manifest_data - 1 == AGENTHOST_MANIFEST_SIZE, \"the manifest changed: run cmake again\");
#endif
#ifdef __cplusplus
}
#endif
")
file(COPY_FILE ${IN} ${COPY})
