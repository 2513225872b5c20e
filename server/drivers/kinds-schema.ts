/** What a person reads who chooses a kind of latent worker; one without a line has its class name. */
export interface KindText {
  readonly title: string;
  readonly description: string;
}

export const LATENT_KINDS: Readonly<Record<string, KindText>> = {
  LocalLatentWorker: {
    title: "Processes of this host",
    description: "A worker started beside this installation for each build. It isolates nothing.",
  },
  DockerLatentWorker: {
    title: "Docker containers",
    description: "A container on an engine of yours, from an image or a Dockerfile. Podman too.",
  },
  LibVirtWorker: {
    title: "Virtual machines (libvirt)",
    description: "A virtual machine on a hypervisor of yours: QEMU, KVM, Xen.",
  },
};
