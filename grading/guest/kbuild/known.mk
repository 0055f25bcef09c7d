

# Appended to the kernel's scripts/Makefile.compiler: `try-run` looks its question up before it asks the compiler.
# The name of an answer is the whole command that asks; what is not known is asked.
$(eval boxwright-ask = $(value try-run))
boxwright-nothing :=
boxwright-key = boxwright/$(subst :,~c,$(subst =,~e,$(subst $(boxwright-nothing) $(boxwright-nothing),~s,$(subst ~,~t,$(1)))))
include /run/boxwright-tools/kbuild/answers.mk
try-run = $(if $(filter undefined,$(origin $(boxwright-key))),$(boxwright-ask),$(if $($(boxwright-key)),$(2),$(3)))

# Debugging information is half of what a compiler does for a module; no trace of the kernel's needs it.
KCFLAGS += -g0
