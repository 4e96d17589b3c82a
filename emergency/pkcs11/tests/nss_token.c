/* NSS' software token wants to be told its folder when it is initialized, by a field that PKCS#11 does not have. This
   stands between: the same functions, with an initialization that takes the folder from the environment. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    void *create, *destroy, *lock, *unlock;
    unsigned long flags;
    char *parameters; /* NSS' own field */
    void *reserved;
};

/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, then 68 functions; the first is C_Initialize. */
static void *list[1 + 68];
static unsigned long (*initialize)(void *);

static unsigned long with_folder(void *ignored) {
    struct arguments arguments = {0};
    (void)ignored;
    arguments.flags = 2; /* CKF_OS_LOCKING_OK */
    arguments.parameters = getenv("TOKEN_PARAMETERS");
    return initialize(&arguments);
}

unsigned long C_GetFunctionList(void ***out) {
    void *library = dlopen(getenv("TOKEN_LIBRARY"), RTLD_NOW);
    unsigned long (*get)(void ***) = library ? (unsigned long (*)(void ***))dlsym(library, "C_GetFunctionList") : NULL;
    void **theirs = NULL;
    unsigned long result = get ? get(&theirs) : 5; /* CKR_GENERAL_ERROR */
    if (result != 0)
        return result;
    memcpy(list, theirs, sizeof list);
    initialize = (unsigned long (*)(void *))list[1];
    list[1] = (void *)with_folder;
    *out = list;
    return 0;
}
