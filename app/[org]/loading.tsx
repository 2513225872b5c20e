import { SkeletonPage } from "../_ui/skeleton";

export default function Loading() {
  return <SkeletonPage />;
}
