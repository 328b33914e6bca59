export const f = async () => "es module";
