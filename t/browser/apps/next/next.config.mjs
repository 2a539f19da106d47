// Nothing is needed for the package; types are checked before, by tsc alone.
export default { devIndicators: false, typescript: { ignoreBuildErrors: true } };
