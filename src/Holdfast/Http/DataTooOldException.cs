namespace Holdfast.Http;

/// <summary>What this answer would stand on is older than it may be (law 6).</summary>
public sealed class DataTooOldException : Exception
{
    public DataTooOldException()
    {
    }

    public DataTooOldException(string message)
        : base(message)
    {
    }

    public DataTooOldException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public DataTooOldException(TimeSpan age, TimeSpan most)
        : base($"Nobody is signed in on data that is {(long)age.TotalHours} hours old; {(long)most.TotalHours} is the most. Signing out, and every deny, still works.")
    {
    }
}
