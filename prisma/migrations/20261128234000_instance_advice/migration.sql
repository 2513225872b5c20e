-- Of a machine that never came: what a person may do about it.
ALTER TABLE "instance" ADD COLUMN "end_advice" TEXT;
