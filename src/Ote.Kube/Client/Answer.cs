using System.Buffers;

namespace Ote.Kube.Client;

/// <summary>
/// The bytes of one answer, in a pooled array: those that come all the time leave no garbage. Larger ones, which come once in a while, are not pooled, since the pool would keep their arrays for a minute and more after the last.
/// Dispose it when they are read; one owner.
/// </summary>
internal sealed class Answer : IDisposable
{
    private const int FirstBytes = 4096;
    private const int MostPooledBytes = 128 * 1024;
    private byte[] _array;
    private int _length;

    private Answer(int bytes) => _array = Take(bytes);

    /// <summary>Until disposed.</summary>
    public ReadOnlySpan<byte> Bytes => _array.AsSpan(0, _length);

    /// <summary>Reads to the end.</summary>
    /// <exception cref="KubeStatusException">413: there is more than <paramref name="most"/>.</exception>
    /// <exception cref="HttpRequestException">The answer broke off.</exception>
    public static async Task<Answer> ReadAsync(HttpContent content, int most, CancellationToken ct)
    {
        var told = content.Headers.ContentLength;
        if (told > most)
        {
            throw TooLarge(most);
        }

        // One more than is told, so that the end is seen without growing.
        var answer = new Answer((int)(told + 1 ?? FirstBytes));
        try
        {
            var stream = await content.ReadAsStreamAsync(ct).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                while (await stream.ReadAsync(answer.Room(), ct).ConfigureAwait(false) is var count and > 0)
                {
                    answer._length += count;
                    if (answer._length > most)
                    {
                        throw TooLarge(most);
                    }
                }
            }

            return answer;
        }
        catch (IOException broken)
        {
            answer.Dispose();
            throw new HttpRequestException("the server's answer broke off: " + broken.Message, broken);
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        GiveBack(_array);
        (_array, _length) = ([], 0);
    }

    private static byte[] Take(int bytes) => bytes > MostPooledBytes ? GC.AllocateUninitializedArray<byte>(bytes) : ArrayPool<byte>.Shared.Rent(bytes);

    private static void GiveBack(byte[] array)
    {
        if (array.Length is > 0 and <= MostPooledBytes)
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    private static KubeStatusException TooLarge(int most) =>
        new(413, "", $"the server's answer is larger than {most} bytes; ask for less with a selector");

    private Memory<byte> Room()
    {
        if (_length == _array.Length)
        {
            var larger = Take(_array.Length * 2);
            Bytes.CopyTo(larger);
            GiveBack(_array);
            _array = larger;
        }

        return _array.AsMemory(_length);
    }
}
