using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Storage.Tests;

/// <summary>A disk that forgets what was not synced when its process is killed (<c>forgetful/forgetful.c</c>).</summary>
internal sealed class ForgetfulDisk : IDisposable
{
    private readonly string _folder;
    private readonly string _undo = Directory.CreateTempSubdirectory("holdfast-undo-").FullName;
    private readonly string _shim;

    public ForgetfulDisk(string folder)
    {
        _folder = folder;
        _shim = Path.Combine(_undo, "forgetful.so");
        Compile(_shim);
    }

    /// <summary>Lets a process run on it.</summary>
    public void Under(ProcessStartInfo start)
    {
        start.Environment["LD_PRELOAD"] = _shim;
        start.Environment["FORGETFUL_DATA"] = _folder;
        start.Environment["FORGETFUL_UNDO"] = _undo;
    }

    /// <summary>The power is cut: what was not synced is gone.</summary>
    /// <returns>How many changes were forgotten.</returns>
    public int Forget()
    {
        var forgotten = ForgetNames();
        foreach (var file in Directory.GetFiles(_folder))
        {
            if (file.EndsWith("-shm", StringComparison.Ordinal))
            {
                File.Delete(file);
            }
            else if (Disk.Real.Look(file) is { } facts && Path.Combine(_undo, string.Create(CultureInfo.InvariantCulture, $"{facts.Inode}.undo")) is var log && File.Exists(log))
            {
                forgotten += Undo(file, File.ReadAllBytes(log));
            }
        }
        foreach (var log in Directory.GetFiles(_undo).Where(f => f != _shim))
        {
            File.Delete(log);
        }
        return forgotten;
    }

    private int ForgetNames()
    {
        var names = Path.Combine(_undo, "names.undo");
        var lines = File.Exists(names) ? File.ReadAllLines(names) : [];
        for (var n = lines.Length - 1; n >= 0; n--)
        {
            var path = lines[n][5..];
            if (lines[n].StartsWith("made", StringComparison.Ordinal))
            {
                File.Delete(path);
            }
            else
            {
                File.Move(Path.Combine(_undo, string.Create(CultureInfo.InvariantCulture, $"gone.{n}")), path, overwrite: true);
            }
        }
        return lines.Length;
    }

    private static int Undo(string path, byte[] log)
    {
        var records = new List<(long Size, long Offset, ReadOnlyMemory<byte> Bytes)>();
        for (var at = 0; at + 24 <= log.Length;)
        {
            var (size, offset, length) = (Long(at), Long(at + 8), (int)Long(at + 16));
            if (at + 24 + length > log.Length)
            {
                break;   // killed while noting it, and so before doing it
            }
            records.Add((size, offset, log.AsMemory(at + 24, length)));
            at += 24 + length;
        }
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        foreach (var (size, offset, bytes) in Enumerable.Reverse(records))
        {
            RandomAccess.Write(file, bytes.Span, offset);
            RandomAccess.SetLength(file, size);
        }
        return records.Count;

        long Long(int at) => BinaryPrimitives.ReadInt64LittleEndian(log.AsSpan(at));
    }

    private static void Compile(string shim)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "forgetful", "forgetful.c");
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-o", shim, source, "-ldl"]) { RedirectStandardError = true })!;
            var said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            Assert.True(compiler.ExitCode == 0, $"The C compiler refused forgetful.c: {said}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Fail("These tests compile forgetful.c and need a C compiler: install gcc, so that there is a 'cc'.");
        }
    }

    public void Dispose() => Directory.Delete(_undo, recursive: true);
}
