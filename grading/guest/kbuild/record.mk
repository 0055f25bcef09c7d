

# Appended to the kernel's scripts/Makefile.compiler: each question that `try-run` asks is written down with its answer.
$(eval boxwright-ask = $(value try-run))
boxwright-nothing :=
boxwright-key = boxwright/$(subst :,~c,$(subst =,~e,$(subst $(boxwright-nothing) $(boxwright-nothing),~s,$(subst ~,~t,$(1)))))
boxwright-tell = $(file >>@OUT@,$(boxwright-key) := $(2))$(2)
try-run = $(if $(call boxwright-tell,$(1),$(call boxwright-ask,$(1),y,)),$(2),$(3))

# As in known.mk: questions and commands are to be the same to the letter.
KCFLAGS += -g0
