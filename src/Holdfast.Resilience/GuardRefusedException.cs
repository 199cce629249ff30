namespace Holdfast.Resilience;

/// <summary>The guard did not let a connection out. To tenants it looks like any address that cannot be reached.</summary>
internal sealed class GuardRefusedException(string message) : IOException(message);
