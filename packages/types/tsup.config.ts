import { defineConfig, library } from "../../tsup.base.ts";

const folders = ["testing", "conformance", "schemas", "system"];
export default defineConfig(library("src/index.ts", ...folders.map((folder) => `src/${folder}/index.ts`)));
