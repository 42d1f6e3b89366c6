using GooglePhotosEmulator.Answers;

namespace GooglePhotosEmulator.Faults;

/// <summary>What happens to a request instead of, or beside, its usual handling.</summary>
public abstract record Fault
{
    private protected Fault()
    {
    }

    /// <summary>Answered so, without having had any effect.</summary>
    public sealed record Reply(Answer Answer) : Fault;

    /// <summary>The connection is cut before anything happens.</summary>
    public sealed record Cut : Fault;

    /// <summary>Carried out, but the connection is cut instead of the answer.</summary>
    public sealed record LoseAnswer : Fault;

    /// <summary>The connection is cut when this many bytes of the request's body have been read.</summary>
    public sealed record CutRequest(long AfterBytes) : Fault;

    /// <summary>The connection is cut when this many bytes of the answer's body have been sent.</summary>
    public sealed record CutAnswer(long AfterBytes) : Fault;

    /// <summary>Carried out later. Real time passes where the emulator's clock is the system's.</summary>
    public sealed record Delay(TimeSpan For) : Fault;

    /// <summary>The answer's body flows at this rate.</summary>
    public sealed record Slow(long BytesPerSecond) : Fault;

    /// <summary>The answer's body ends here, with a Content-Length to match: a short body that looks whole.</summary>
    public sealed record Shorten(long ToBytes) : Fault;

    /// <summary><c>Content-Range</c> names this total.</summary>
    public sealed record WrongTotal(long Total) : Fault;

    /// <summary>The byte at this place of the answer's body is another one.</summary>
    public sealed record Corrupt(long AtByte) : Fault;

    /// <summary>Carried out after this was done to the emulator's state, such as replacing the content of a file while it is read.</summary>
    public sealed record Meanwhile(Action Action) : Fault;
}

/// <summary>What becomes of one item of a <c>batchCreate</c>.</summary>
public abstract record ItemFault
{
    private protected ItemFault()
    {
    }

    /// <summary>Not created; the result has this status.</summary>
    public sealed record Status(int Code, string Message) : ItemFault;

    /// <summary>The result is left out of the answer.</summary>
    /// <param name="Created">Whether the item was made all the same.</param>
    public sealed record Missing(bool Created) : ItemFault;

    /// <summary>Code 13, which a later try does not meet again.</summary>
    public static ItemFault Transient { get; } = new Status(13, "Failed: There was an error while trying to create this media item.");

    public static ItemFault BadImage { get; } = new Status(3, "BAD_IMAGE: There was an error while trying to create this media item.");
}

/// <param name="FileName">As the request names it; may be empty.</param>
/// <param name="Number">Counts all items of all <c>batchCreate</c> calls from 1.</param>
public sealed record NewItem(long Number, string FileName, string Sha1, long Size, string Client, string User);
