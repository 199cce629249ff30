using Holdfast.Bench;

namespace Holdfast.Drills;

/// <summary>How the primary can be gone. A new member has its rows in every drill at once.</summary>
public enum Outage
{
    /// <summary>Another process holds an exclusive lock on its file.</summary>
    Locked,

    /// <summary>Its file's owner may not read or write it any more.</summary>
    Unreadable,

    /// <summary>A folder is where its file was.</summary>
    ReplacedByFolder,

    /// <summary>Its file is cut off at nothing.</summary>
    Emptied,

    /// <summary>Its file is cut off in the middle.</summary>
    Halved,
}

/// <summary>An outage of a primary's file, from its beginning until it is disposed of.</summary>
internal sealed class BrokenPrimary : IDisposable
{
    private Action? _mend;

    private BrokenPrimary(Action mend) => _mend = mend;

    /// <summary>Whether what was in the file is lost, so that only a person with the doctor brings it back.</summary>
    public static bool IsLost(Outage outage) => outage is Outage.Emptied or Outage.Halved;

    public static BrokenPrimary By(Outage outage, string file)
    {
        switch (outage)
        {
            case Outage.Locked:
                return new BrokenPrimary(new PrimaryLock(file).Dispose);
            case Outage.Unreadable:
                var mode = File.GetUnixFileMode(file);
                File.SetUnixFileMode(file, UnixFileMode.None);
                return new BrokenPrimary(() => File.SetUnixFileMode(file, mode));
            case Outage.ReplacedByFolder:
                var away = file + ".away";
                File.Move(file, away);
                Directory.CreateDirectory(file);
                return new BrokenPrimary(() =>
                {
                    Directory.Delete(file);
                    File.Move(away, file);
                });
            case Outage.Emptied:
            case Outage.Halved:
                using (var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                {
                    RandomAccess.SetLength(handle, outage == Outage.Emptied ? 0 : RandomAccess.GetLength(handle) / 2);
                }
                return new BrokenPrimary(() => { });
            default:
                throw new ArgumentOutOfRangeException(nameof(outage));
        }
    }

    public void Dispose() => Interlocked.Exchange(ref _mend, null)?.Invoke();
}
