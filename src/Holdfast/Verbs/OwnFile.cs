namespace Holdfast.Verbs;

/// <summary>Writing a file that only its owner reads (mode 0600), whole or not at all.</summary>
internal static class OwnFile
{
    public static void Write(string path, byte[] content)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}
