using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Ote.Cluster.Backup;

/// <summary>
/// A backup as one file: a gzipped tar whose first entry is the manifest with the length and the SHA-256 of each file that follows. One that
/// was cut short or damaged is found out.
/// </summary>
public static class BackupArchive
{
    private const int MostManifestBytes = 64 * 1024;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What the manifest says of one file.</summary>
    public static BackupFile Describe(string folder, string name)
    {
        using var content = File.OpenRead(PathOf(folder, name));
        return new BackupFile(name, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)));
    }

    /// <summary>Writes a backup.</summary>
    /// <param name="manifest">What it says of itself.</param>
    /// <param name="folder">Where its files are; nobody changes them meanwhile.</param>
    /// <param name="target">Takes it.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task WriteAsync(BackupManifest manifest, string folder, Stream target, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        await using var packed = new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true);
        await using var tar = new TarWriter(packed, TarEntryFormat.Ustar, leaveOpen: true);
        using var head = new MemoryStream(manifest.ToBytes());
        await tar.WriteEntryAsync(Entry(BackupManifest.FileName, head), ct).ConfigureAwait(false);
        foreach (var file in manifest.Files)
        {
            var content = File.OpenRead(PathOf(folder, file.Name));
            await using (content.ConfigureAwait(false))
            {
                await tar.WriteEntryAsync(Entry(file.Name, content), ct).ConfigureAwait(false);
            }
        }

        UstarTarEntry Entry(string name, Stream content) =>
            new(TarEntryType.RegularFile, name) { DataStream = content, Mode = OwnerOnly, ModificationTime = manifest.TakenAt };
    }

    /// <summary>Reads a backup to its end and checks all of it.</summary>
    /// <param name="source">The backup.</param>
    /// <param name="into">An empty directory that gets its files, each readable by its owner only and on disk; null: they are only checked.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="BackupException">It is no backup, cut short, or damaged. The directory may hold some of its files.</exception>
    public static async Task<BackupManifest> ReadAsync(Stream source, string? into, CancellationToken ct)
    {
        try
        {
            await using var packed = new GZipStream(source, CompressionMode.Decompress, leaveOpen: true);
            await using var tar = new TarReader(packed, leaveOpen: true);
            var manifest = await ReadManifestAsync(tar, ct).ConfigureAwait(false);
            foreach (var file in manifest.Files)
            {
                var entry = await tar.GetNextEntryAsync(copyData: false, ct).ConfigureAwait(false) ?? throw new BackupException($"it ends before {file.Name}");
                if (entry.Name != file.Name || entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || entry.Length != file.Bytes)
                {
                    throw new BackupException($"{entry.Name} stands where {file.Name} of {file.Bytes} bytes should be");
                }

                if (await CopyAsync(entry.DataStream ?? Stream.Null, into is null ? null : PathOf(into, file.Name), ct).ConfigureAwait(false) != file.Sha256)
                {
                    throw new BackupException($"{file.Name} is not what was backed up: its SHA-256 is another");
                }
            }

            return await tar.GetNextEntryAsync(copyData: false, ct).ConfigureAwait(false) is { } more ? throw new BackupException($"{more.Name} follows its last file") : manifest;
        }
        catch (Exception broken) when (broken is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new BackupException($"it is cut short, damaged, or no backup ({broken.Message.TrimEnd('.')})", broken);
        }
    }

    private static async Task<BackupManifest> ReadManifestAsync(TarReader tar, CancellationToken ct)
    {
        if (await tar.GetNextEntryAsync(copyData: false, ct).ConfigureAwait(false) is not { Name: BackupManifest.FileName, Length: > 0 and <= MostManifestBytes, DataStream: { } head } entry)
        {
            throw new BackupException("it does not begin as a backup does");
        }

        var bytes = new byte[entry.Length];
        await head.ReadExactlyAsync(bytes, ct).ConfigureAwait(false);
        return BackupManifest.Read(bytes);
    }

    /// <summary>Copies to a new file, or nowhere, and returns the SHA-256.</summary>
    private static async Task<string> CopyAsync(Stream content, string? path, CancellationToken ct)
    {
        FileStream? target = null;
        if (path is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnerOnly | UnixFileMode.UserExecute);
            target = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly });
        }

        await using var disposed = target;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[128 * 1024];
        while (await content.ReadAsync(buffer, ct).ConfigureAwait(false) is var read and > 0)
        {
            hash.AppendData(buffer.AsSpan(0, read));
            if (target is not null)
            {
                await target.WriteAsync(buffer.AsMemory(0, read), ct).ConfigureAwait(false);
            }
        }

        target?.Flush(flushToDisk: true);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string PathOf(string folder, string name) => Path.Combine(folder, name.Replace('/', Path.DirectorySeparatorChar));
}
