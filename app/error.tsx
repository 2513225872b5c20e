"use client";

import { ErrorPage } from "@/app/_ui/error-page";

export default ErrorPage;
