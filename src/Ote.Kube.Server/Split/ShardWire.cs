using System.Buffers.Binary;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>What members write each other. Its version is in the path they ask (<see cref="ShardDoor.Prefix"/>). Pure.</summary>
internal static class ShardWire
{
    /// <summary>Most bytes of one message: a piece, or a change with what was before.</summary>
    public const int MostBytes = 32 * 1024 * 1024;

    private const int NoKind = -1;

    /// <summary>The bytes of a piece.</summary>
    public static ArraySegment<byte> Of(ShardPiece piece) => Written(w =>
    {
        w.Write(piece.Revision);
        w.Write(piece.Piece.More);
        w.Write(piece.Piece.Rows.Count);
        foreach (var row in piece.Piece.Rows)
        {
            Write(w, row);
        }
    });

    /// <summary>Reads a piece of a kind.</summary>
    /// <exception cref="IOException">It is none.</exception>
    public static ShardPiece Piece(ReadOnlyMemory<byte> bytes, string resource) => Read(bytes, r =>
    {
        var (revision, more, count) = (r.ReadInt64(), r.ReadBoolean(), r.ReadInt32());
        var rows = new List<StoredObject>();
        for (var i = 0; i < count; i++)
        {
            rows.Add(Object(r, resource));
        }

        return new ShardPiece(revision, new Piece<StoredObject>(rows, more));
    });

    /// <summary>The bytes of an object or of none.</summary>
    public static ArraySegment<byte> Of(StoredObject? found) => Written(w =>
    {
        w.Write(found is not null);
        if (found is not null)
        {
            Write(w, found);
        }
    });

    /// <summary>Reads an object or none.</summary>
    /// <exception cref="IOException">It is neither.</exception>
    public static StoredObject? Found(ReadOnlyMemory<byte> bytes, string resource) => Read(bytes, r => r.ReadBoolean() ? Object(r, resource) : null);

    /// <summary>The bytes of how a shard stands.</summary>
    public static ArraySegment<byte> Of(ShardFacts facts) => Written(w =>
    {
        w.Write(facts.Revision);
        w.Write(facts.KeptSince?.ToUnixTimeMilliseconds() ?? long.MinValue);
        w.Write(facts.Clusters.Count);
        foreach (var cluster in facts.Clusters)
        {
            w.Write(cluster);
        }

        w.Write(facts.Kinds.Count);
        foreach (var kind in facts.Kinds)
        {
            Array.ForEach([kind.Group, kind.Version, kind.Plural, kind.Kind, kind.Definition], w.Write);
            w.Write(kind.Namespaced);
            w.Write(kind.Clusters);
        }
    });

    /// <summary>Reads how a shard stands.</summary>
    /// <exception cref="IOException">It is nothing like it.</exception>
    public static ShardFacts Facts(ReadOnlyMemory<byte> bytes) => Read(bytes, r =>
    {
        var (revision, since, count) = (r.ReadInt64(), r.ReadInt64(), r.ReadInt32());
        var clusters = new List<string>();
        for (var i = 0; i < count; i++)
        {
            clusters.Add(r.ReadString());
        }

        // A member of a former version ends here.
        var more = r.BaseStream.Position < r.BaseStream.Length ? r.ReadInt32() : 0;
        var kinds = new List<MirroredKind>();
        for (var i = 0; i < more; i++)
        {
            var (group, version, plural, kind, definition) = (r.ReadString(), r.ReadString(), r.ReadString(), r.ReadString(), r.ReadString());
            kinds.Add(new MirroredKind(group, version, plural, kind, r.ReadBoolean(), definition) { Clusters = r.ReadInt32() });
        }

        return new ShardFacts(revision, since == long.MinValue ? null : DateTimeOffset.FromUnixTimeMilliseconds(since), clusters, kinds);
    });

    /// <summary>The bytes of an event, with their length before them.</summary>
    public static ArraySegment<byte> Of(ShardEvent told)
    {
        var bytes = Written(w =>
        {
            w.Write(0); // the length, when it is known
            w.Write(told.Revision);
            w.Write(told.Change is { } change ? (int)change.Kind : NoKind);
            if (told.Change is { } what)
            {
                Write(w, new StoredObject(what.Key, what.Revision, what.Json));
                w.Write(what.Previous is not null);
                WriteBytes(w, what.Previous ?? []);
            }
        });
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Count - sizeof(int));
        return bytes;
    }

    /// <summary>Reads an event, without its length.</summary>
    /// <exception cref="IOException">It is none.</exception>
    public static ShardEvent Event(ReadOnlyMemory<byte> bytes, string resource) => Read(bytes, r =>
    {
        var (revision, kind) = (r.ReadInt64(), r.ReadInt32());
        if (kind == NoKind)
        {
            return new ShardEvent(revision, null);
        }

        var now = Object(r, resource);
        var hasPrevious = r.ReadBoolean();
        var previous = ReadBytes(r);
        return new ShardEvent(revision, new Change(now.Revision, (ChangeKind)kind, now.Key, now.Json, hasPrevious ? previous : null));
    });

    private static void Write(BinaryWriter writer, StoredObject stored)
    {
        writer.Write(stored.Revision);
        writer.Write(stored.Key.Namespace);
        writer.Write(stored.Key.Name);
        WriteBytes(writer, stored.Json);
    }

    private static StoredObject Object(BinaryReader reader, string resource)
    {
        var (revision, ns, name) = (reader.ReadInt64(), reader.ReadString(), reader.ReadString());
        return new StoredObject(new StoreKey(resource, ns, name), revision, ReadBytes(reader));
    }

    private static void WriteBytes(BinaryWriter writer, byte[] bytes)
    {
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static byte[] ReadBytes(BinaryReader reader)
    {
        var length = reader.ReadInt32();
        var bytes = length is >= 0 and <= MostBytes ? reader.ReadBytes(length) : throw new EndOfStreamException();
        return bytes.Length == length ? bytes : throw new EndOfStreamException();
    }

    private static ArraySegment<byte> Written(Action<BinaryWriter> write)
    {
        var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
        {
            write(writer);
        }

        return new ArraySegment<byte>(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static T Read<T>(ReadOnlyMemory<byte> bytes, Func<BinaryReader, T> read)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes.ToArray(), writable: false), System.Text.Encoding.UTF8);
        try
        {
            return read(reader);
        }
        catch (Exception cut) when (cut is EndOfStreamException or FormatException or ArgumentException)
        {
            throw new IOException("what another member wrote cannot be read; do all run the same version?", cut);
        }
    }
}
