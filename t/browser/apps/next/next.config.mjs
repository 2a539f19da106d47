// Nothing is needed for the package.
export default { eslint: { ignoreDuringBuilds: true }, devIndicators: false };
